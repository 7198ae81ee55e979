// What the page shows of a scene, as JSON: the answers to its questions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "script/program.hpp"
#include "web/core/explorer/json.hpp"
#include "web/core/explorer/scene.hpp"

namespace pw::explorer {

// Everything on the screen, after the step at which the scene is.
std::string state_of(Scene& scene);

// The parts of it, in files of their own. Each writes the value behind a key.
void write_processes(Json& json, Scene& scene);  // state_map.cpp
void write_walk(Json& json, Scene& scene, Process& process, VirtAddr address);
void write_tlb(Json& json, Scene& scene, const Snapshot& now);  // state_memory.cpp
void write_frames(Json& json, Scene& scene, const Snapshot& now);
void write_swap(Json& json, Scene& scene);
void write_cache(Json& json, Scene& scene);
void write_policy(Json& json, Scene& scene);  // state_policy.cpp
void write_linux(Json& json, Scene& scene);   // state_linux.cpp, of the Linux model
std::uint64_t distance_of(Machine& machine, PageSlot slot);
void write_events(Json& json, Scene& scene);                       // event_log.cpp
void write_faults(Json& json, Scene& scene, const Snapshot& now);  // state_fault.cpp

// Accessed (1) and dirty (2) bits of the translations, by frame.
std::vector<std::uint8_t> bits_by_frame(Machine& machine);

// The members of a step that the page shows as text; state_place.cpp.
void write_step(Json& json, const script::Step& step);

// "A", or "A, B" of several; of the processes that run in a space.
std::string names_of_space(Scene& scene, SpaceId space);
std::string name_of_pid(Scene& scene, Pid pid);

}  // namespace pw::explorer
