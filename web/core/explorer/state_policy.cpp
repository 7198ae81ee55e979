// The lists of the replacement policy, as it keeps them.
#include <algorithm>

#include "policy/any_policy.hpp"
#include "reclaim/part.hpp"
#include "web/core/explorer/state.hpp"

namespace pw::explorer {

namespace {

constexpr std::size_t kMostPages = 256;  // of a list, that are told one by one

// A page of a list: its frame, or a name ("#12") if it is in none.
void write_page(Json& json, const Reclaim& reclaim, policy::Id id) {
  const Pfn pfn = reclaim.locate(id);
  if (pfn == kNoFrame) {
    json.write("#" + std::to_string(id));
  } else {
    json.number(pfn.value);
  }
}

void write_list(Json& json, const Reclaim& reclaim, const policy::ShownList& list,
                std::string_view prefix) {
  json.open('{').field("name", std::string(prefix) + std::string(list.name));
  json.flag("ghosts", list.gone).field("size", list.pages.size());
  const auto hand = std::find(list.pages.begin(), list.pages.end(), list.hand);
  if (hand != list.pages.end()) {
    json.field("hand", static_cast<std::uint64_t>(hand - list.pages.begin()));
  }
  json.key("pages").open('[');
  const std::size_t told = std::min(list.pages.size(), kMostPages);
  for (std::size_t i = 0; i < told; ++i) write_page(json, reclaim, list.pages[i]);
  json.close(']').close('}');
}

}  // namespace

void write_policy(Json& json, Scene& scene) {
  if (scene.machine().config().model == MemoryModel::Linux) return write_linux(json, scene);
  Reclaim& reclaim = scene.machine().reclaimer();
  json.open('{').field("name", scene.machine().config().policy);
  json.key("parts").open('[');
  for (const Part& part : reclaim.parts()) {
    if (part.order == nullptr) continue;
    json.open('{').field(
        "owner", part.space == nullptr ? std::string() : names_of_space(scene, part.space->id()));
    json.key("lists").open('[');
    const bool two = part.file_order != nullptr;
    for (const auto& list : part.order->lists())
      write_list(json, reclaim, list, two ? "anon " : "");
    if (two) {
      for (const auto& list : part.file_order->lists()) write_list(json, reclaim, list, "file ");
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
}

}  // namespace pw::explorer
