-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Portolan authors
--
-- The replicated store, second version.

-- When a restriction changes, a flow's states get another set of regions:
-- those that have it already are not read for that.
create index state_allowed on flow.state (tenant, flow, allowed);
