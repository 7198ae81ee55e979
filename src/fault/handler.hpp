// The fault handler: every decision about a fault, none of the work.
#pragma once

#include "fault/request.hpp"

namespace pw {

// Resolves a fault as far as it goes without waiting. After Wait the same request is handed in
// again.
FaultOutcome handle_fault(Core& core, FaultRequest& request, FaultWatcher* watcher = nullptr);

}  // namespace pw
