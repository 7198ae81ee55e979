#include "web/core/explorer/state.hpp"

#include "script/counters.hpp"

namespace pw::explorer {

namespace {

void write_counters(Json& json, Scene& scene, const Snapshot& now) {
  const auto names = script::machine_counter_names();
  const Snapshot& before = scene.before();
  json.open('[');
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint64_t was = scene.at() == 0 ? now.counters[i] : before.counters[i];
    json.open('[').write(names[i]).number(now.counters[i]);
    json.number(now.counters[i] >= was ? now.counters[i] - was : 0).close(']');
  }
  json.close(']');
}

void write_access(Json& json, Scene& scene) {
  const Shown& shown = scene.shown();
  Process* process = shown.valid ? scene.machine().find(scene.pid_of(shown.process)) : nullptr;
  if (process == nullptr || process->space == nullptr) {
    json.null();
    return;
  }
  constexpr const char* kAccesses[] = {"read", "write", "execute"};
  json.open('{');
  json.field("process", shown.process);
  json.field_hex("address", shown.address.value);
  json.field("length", shown.length);
  json.field("access", kAccesses[static_cast<unsigned>(shown.access)]);
  json.flag("now", shown.now);  // the step that was carried out last made it
  json.key("walk");
  write_walk(json, scene, *process, shown.address);
  json.close('}');
}

}  // namespace

std::string name_of_pid(Scene& scene, Pid pid) {
  for (const Scene::Actor& actor : scene.actors()) {
    if (actor.pid == pid) return actor.name;
  }
  return "pid " + std::to_string(pid);
}

std::string names_of_space(Scene& scene, SpaceId space) {
  std::string names;
  scene.machine().processes().for_each([&](Process& process) {
    if (process.space == nullptr || process.space->id() != space) return;
    names += (names.empty() ? "" : ", ") + name_of_pid(scene, process.pid);
  });
  return names;
}

std::string state_of(Scene& scene) {
  const Snapshot& now = scene.now();
  Json json;
  json.open('{');
  json.field("step", scene.at());
  scene.write_place(json);
  json.field("time_ns", scene.machine().clock().now_ns());
  json.key("counters");
  write_counters(json, scene, now);
  json.key("access");
  write_access(json, scene);
  json.key("faults");
  write_faults(json, scene, now);
  json.key("events");
  write_events(json, scene);
  json.key("processes");
  write_processes(json, scene);
  json.key("tlb");
  write_tlb(json, scene, now);
  json.key("frames");
  write_frames(json, scene, now);
  json.key("swap");
  write_swap(json, scene);
  json.key("cache");
  write_cache(json, scene);
  json.key("policy");
  write_policy(json, scene);
  json.close('}');
  return json.take();
}

}  // namespace pw::explorer
