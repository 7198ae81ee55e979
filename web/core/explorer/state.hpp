// What the page shows of a session, as JSON: the answers to its questions.
#pragma once

#include <string>

#include "web/core/explorer/json.hpp"
#include "web/core/explorer/session.hpp"

namespace pw::explorer {

// Everything on the screen, after the step at which the session is.
std::string state_of(Session& session);

// The parts of it, in files of their own. Each writes the value behind a key.
void write_processes(Json& json, Session& session);  // state_map.cpp
void write_walk(Json& json, Session& session, Process& process, VirtAddr address);
void write_tlb(Json& json, Session& session, const Snapshot& now);  // state_memory.cpp
void write_frames(Json& json, Session& session, const Snapshot& now);
void write_swap(Json& json, Session& session);
void write_cache(Json& json, Session& session);
void write_policy(Json& json, Session& session);                       // state_policy.cpp
void write_faults(Json& json, Session& session, const Snapshot& now);  // state_fault.cpp

// "A", or "A, B" of several; of the processes that run in a space.
std::string names_of_space(Session& session, SpaceId space);
std::string name_of_pid(Session& session, Pid pid);

}  // namespace pw::explorer
