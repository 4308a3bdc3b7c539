/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "master/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"

#if defined(__x86_64__)
#define OUR_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH	AUDIT_ARCH_AARCH64
#endif

enum {
	FOR_EDGE = 1 << ROLE_EDGE,
	FOR_ENGINE = 1 << ROLE_ENGINE,
	FOR_CONSOLE = 1 << ROLE_CONSOLE,
	FOR_ALL = FOR_EDGE | FOR_ENGINE | FOR_CONSOLE,
	FILTER_MAX = 640,		/* instructions */
	TOLD_MOST = 50,			/* refusals that are told of a process */
};

/* --- what is allowed ------------------------------------------------------ */

struct call {
	int		 number;
	int		 who;
};

#define CALL(name, who)	{ SYS_##name, who }

/* Calls that newer machines do not have any more stand in #ifdef. */
static const struct call calls[] = {
	/* bytes */
	CALL(read, FOR_ALL), CALL(write, FOR_ALL), CALL(readv, FOR_ALL),
	CALL(writev, FOR_ALL), CALL(pread64, FOR_ALL), CALL(pwrite64, FOR_ALL),
	CALL(preadv, FOR_ALL), CALL(pwritev, FOR_ALL), CALL(lseek, FOR_ALL),
	CALL(close, FOR_ALL), CALL(close_range, FOR_ALL),
	CALL(splice, FOR_EDGE), CALL(tee, FOR_EDGE), CALL(vmsplice, FOR_EDGE),
	CALL(sendfile, FOR_EDGE), CALL(pipe2, FOR_ALL), CALL(dup, FOR_ALL),
	CALL(dup3, FOR_ALL), CALL(fcntl, FOR_ALL), CALL(ioctl, FOR_ALL),
	/* sockets; socket() itself: see below */
	CALL(bind, FOR_ALL), CALL(listen, FOR_EDGE | FOR_CONSOLE),
	CALL(accept4, FOR_ALL), CALL(accept, FOR_ALL), CALL(connect, FOR_ALL),
	CALL(shutdown, FOR_ALL), CALL(getsockname, FOR_ALL),
	CALL(getpeername, FOR_ALL), CALL(getsockopt, FOR_ALL),
	CALL(setsockopt, FOR_ALL), CALL(sendto, FOR_ALL),
	CALL(recvfrom, FOR_ALL), CALL(sendmsg, FOR_ALL),
	CALL(recvmsg, FOR_ALL), CALL(sendmmsg, FOR_ALL),
	CALL(recvmmsg, FOR_ALL), CALL(socketpair, FOR_ALL),
	/* waiting */
	CALL(epoll_create1, FOR_ALL), CALL(epoll_ctl, FOR_ALL),
	CALL(epoll_pwait, FOR_ALL), CALL(eventfd2, FOR_ALL),
	CALL(ppoll, FOR_ALL), CALL(pselect6, FOR_ALL),
	CALL(timerfd_create, FOR_ALL), CALL(timerfd_settime, FOR_ALL),
	CALL(timer_create, FOR_EDGE), CALL(timer_settime, FOR_EDGE),
	CALL(timer_delete, FOR_EDGE),
	CALL(signalfd4, FOR_ALL), CALL(nanosleep, FOR_ALL),
	CALL(clock_nanosleep, FOR_ALL), CALL(restart_syscall, FOR_ALL),
	CALL(futex, FOR_ALL),
#ifdef SYS_epoll_pwait2
	CALL(epoll_pwait2, FOR_ALL),
#endif
	/* time and chance */
	CALL(clock_gettime, FOR_ALL), CALL(clock_getres, FOR_ALL),
	CALL(gettimeofday, FOR_ALL), CALL(getrandom, FOR_ALL),
	/* memory; mmap and mprotect: see below */
	CALL(munmap, FOR_ALL), CALL(mremap, FOR_ALL), CALL(brk, FOR_ALL),
	CALL(madvise, FOR_ALL), CALL(msync, FOR_ALL), CALL(mincore, FOR_ALL),
	CALL(memfd_create, FOR_ALL), CALL(membarrier, FOR_ALL),
	CALL(mlock, FOR_ALL), CALL(munlock, FOR_ALL),
	/* files */
	CALL(openat, FOR_ALL), CALL(newfstatat, FOR_ALL),
	CALL(fstat, FOR_ALL), CALL(statx, FOR_ALL), CALL(statfs, FOR_ALL),
	CALL(fstatfs, FOR_ALL), CALL(faccessat, FOR_ALL),
	CALL(readlinkat, FOR_ALL), CALL(getdents64, FOR_ALL),
	CALL(getcwd, FOR_ALL), CALL(fadvise64, FOR_ALL),
	CALL(unlinkat, FOR_ALL), CALL(renameat2, FOR_EDGE | FOR_ENGINE),
	CALL(mkdirat, FOR_EDGE | FOR_ENGINE),
	CALL(fchmod, FOR_EDGE | FOR_ENGINE),
	CALL(fchmodat, FOR_EDGE | FOR_ENGINE),
	CALL(fchown, FOR_ENGINE), CALL(fsync, FOR_EDGE | FOR_ENGINE),
	CALL(fdatasync, FOR_EDGE | FOR_ENGINE),
	CALL(ftruncate, FOR_EDGE | FOR_ENGINE),
	CALL(fallocate, FOR_EDGE | FOR_ENGINE),
	CALL(flock, FOR_EDGE | FOR_ENGINE),
	CALL(utimensat, FOR_EDGE | FOR_ENGINE), CALL(umask, FOR_ALL),
#ifdef SYS_faccessat2
	CALL(faccessat2, FOR_ALL),
#endif
#ifdef SYS_renameat
	CALL(renameat, FOR_EDGE | FOR_ENGINE),
#endif
	/* itself and its threads; clone: see below */
	CALL(exit, FOR_ALL), CALL(exit_group, FOR_ALL), CALL(gettid, FOR_ALL),
	CALL(getpid, FOR_ALL), CALL(getppid, FOR_ALL), CALL(getuid, FOR_ALL),
	CALL(geteuid, FOR_ALL), CALL(getgid, FOR_ALL), CALL(getegid, FOR_ALL),
	CALL(tgkill, FOR_ALL), CALL(rt_sigaction, FOR_ALL),
	CALL(rt_sigprocmask, FOR_ALL), CALL(rt_sigreturn, FOR_ALL),
	CALL(sigaltstack, FOR_ALL), CALL(set_robust_list, FOR_ALL),
	CALL(set_tid_address, FOR_ALL), CALL(sched_yield, FOR_ALL),
	CALL(sched_getscheduler, FOR_EDGE), CALL(sched_setscheduler, FOR_EDGE),
	CALL(getpriority, FOR_EDGE), CALL(setpriority, FOR_EDGE),
	CALL(sched_getaffinity, FOR_ALL), CALL(sched_setaffinity, FOR_ALL),
	CALL(getcpu, FOR_ALL), CALL(uname, FOR_ALL), CALL(sysinfo, FOR_ALL),
	CALL(prlimit64, FOR_ALL), CALL(getrlimit, FOR_ALL),
	CALL(setrlimit, FOR_ALL), CALL(getrusage, FOR_ALL),
	CALL(times, FOR_ALL), CALL(prctl, FOR_ALL),
#ifdef SYS_rseq
	CALL(rseq, FOR_ALL),
#endif
	/* the same by older names */
#ifdef SYS_open
	CALL(open, FOR_ALL), CALL(stat, FOR_ALL), CALL(lstat, FOR_ALL),
	CALL(access, FOR_ALL), CALL(readlink, FOR_ALL), CALL(poll, FOR_ALL),
	CALL(select, FOR_ALL), CALL(epoll_wait, FOR_ALL),
	CALL(epoll_create, FOR_ALL), CALL(pipe, FOR_ALL), CALL(dup2, FOR_ALL),
	CALL(time, FOR_ALL), CALL(eventfd, FOR_ALL),
	CALL(unlink, FOR_ALL), CALL(rename, FOR_EDGE | FOR_ENGINE),
	CALL(mkdir, FOR_EDGE | FOR_ENGINE),
	CALL(rmdir, FOR_EDGE | FOR_ENGINE),
	CALL(chmod, FOR_EDGE | FOR_ENGINE),
#endif
#ifdef SYS_arch_prctl
	CALL(arch_prctl, FOR_ALL),
#endif
};

/* What the master and whoever it starts need never. */
static const int denied[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount,
	SYS_umount2, SYS_pivot_root, SYS_init_module, SYS_finit_module,
	SYS_delete_module, SYS_kexec_load, SYS_bpf, SYS_perf_event_open,
	SYS_keyctl, SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_swapon,
	SYS_swapoff, SYS_reboot, SYS_setns, SYS_unshare, SYS_acct,
	SYS_open_by_handle_at, SYS_quotactl, SYS_settimeofday,
	SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname,
	SYS_setdomainname, SYS_personality, SYS_vhangup,
#ifdef SYS_io_uring_setup
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm,
#endif
};

/* --- the filter ----------------------------------------------------------- */

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short	 count;
};

static void
add(struct filter *f, struct sock_filter instruction)
{
	must(f->count < FILTER_MAX);
	f->code[f->count++] = instruction;
}

static void
load(struct filter *f, size_t offset)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    (unsigned)offset));
}

static void
end_with(struct filter *f, unsigned action)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* The next skip instructions are for that value alone. */
static void
if_equal(struct filter *f, unsigned value, unsigned char skip)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0,
	    skip));
}

static void
call_ends_with(struct filter *f, int number, unsigned action)
{
	if_equal(f, (unsigned)number, 1);
	end_with(f, action);
}

/* Low half of an argument: flags and families have no more. */
#define ARGUMENT(n)	(offsetof(struct seccomp_data, args) + 8 * (n))

/* Of another machine's numbers, or x32's: nothing is known. */
static void
begin(struct filter *f)
{
	f->count = 0;
	load(f, offsetof(struct seccomp_data, arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH,
	    1, 0));
	end_with(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
}

static void
threads_only(struct filter *f)
{
	if_equal(f, SYS_clone, 4);
	load(f, ARGUMENT(0));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
	    CLONE_THREAD, 0, 1));
	end_with(f, SECCOMP_RET_ALLOW);
	end_with(f, SECCOMP_RET_TRAP);
#ifdef SYS_clone3
	/* Its flags are in memory, where a filter does not look; the C library
	 * does with clone() then. */
	call_ends_with(f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

static void
no_code_can_be_written(struct filter *f, int number)
{
	if_equal(f, (unsigned)number, 5);
	load(f, ARGUMENT(2));
	add(f, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
	    PROT_WRITE | PROT_EXEC));
	if_equal(f, PROT_WRITE | PROT_EXEC, 1);
	end_with(f, SECCOMP_RET_TRAP);
	end_with(f, SECCOMP_RET_ALLOW);
}

/* The console speaks over sockets that it is given, and to the edge. */
static void
socket_families(struct filter *f, enum role_kind kind)
{
	static const unsigned families[] = { AF_UNIX, AF_INET, AF_INET6,
	    AF_NETLINK };
	size_t count = kind == ROLE_CONSOLE ? 1 : 4;

	if_equal(f, SYS_socket, (unsigned char)(2 + 2 * count));
	load(f, ARGUMENT(0));
	for (size_t i = 0; i < count; i++)
		call_ends_with(f, (int)families[i], SECCOMP_RET_ALLOW);
	end_with(f, SECCOMP_RET_TRAP);
}

static unsigned
build(struct filter *f, enum role_kind kind)
{
	unsigned allowed = 4;

	begin(f);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if ((calls[i].who & 1 << kind) == 0)
			continue;
		call_ends_with(f, calls[i].number, SECCOMP_RET_ALLOW);
		allowed++;
	}
	threads_only(f);
	no_code_can_be_written(f, SYS_mmap);
	no_code_can_be_written(f, SYS_mprotect);
	socket_families(f, kind);
	end_with(f, SECCOMP_RET_TRAP);
	return allowed;
}

static void
build_master(struct filter *f)
{
	begin(f);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		call_ends_with(f, denied[i], SECCOMP_RET_ERRNO | EPERM);
	end_with(f, SECCOMP_RET_ALLOW);
}

static bool
install(struct filter *f, struct err *err)
{
	struct sock_fprog program = { .len = f->count, .filter = f->code };

	/* We run no foreign code that could speculate about our memory. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0)
		return true;
	return err_set(err, "seccomp: %s", strerror(errno));
}

/* --- refusals ------------------------------------------------------------- */

static size_t
append(char *to, size_t at, const char *words, size_t len)
{
	memcpy(to + at, words, len);
	return at + len;
}

/* In a signal handler: nothing but write(2). */
static void
tell(int number)
{
	static const char before[] = "sandbox: refused system call ",
	    after[] = " (`ausyscall NUMBER` names it) with EPERM; if the service "
	    "needs it, please report that\n";
	static atomic_uint told;
	char text[sizeof(before) + sizeof(after) + 12], digits[12];
	size_t n, d = sizeof(digits);

	if (atomic_fetch_add(&told, 1) >= TOLD_MOST)
		return;
	do
		digits[--d] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	n = append(text, 0, before, sizeof(before) - 1);
	n = append(text, n, digits + d, sizeof(digits) - d);
	n = append(text, n, after, sizeof(after) - 1);
	if (write(STDERR_FILENO, text, n) < 0)
		return;
}

/* The call was not made; it seems to have failed. */
static void
on_refused(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signo;
#if defined(__x86_64__)
	c->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
	c->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#endif
	tell(info->si_syscall);
}

bool
seccomp_enter(enum role_kind kind, unsigned *allowed, struct err *err)
{
	struct sigaction action = { .sa_sigaction = on_refused,
	    .sa_flags = SA_SIGINFO | SA_RESTART };
	static struct filter f;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, NULL) != 0)
		return err_set(err, "SIGSYS: %s", strerror(errno));
	*allowed = build(&f, kind);
	return install(&f, err);
}

/* A master that another one started has its list. */
static bool
is_filtered(void)
{
	return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER;
}

bool
seccomp_enter_master(struct err *err)
{
	static struct filter f;

	if (is_filtered())
		return true;
	build_master(&f);
	return install(&f, err);
}
