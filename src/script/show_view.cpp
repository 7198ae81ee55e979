// maps, smaps and status of a process's view, in the columns of the kernel's files.
#include <cstdio>

#include "script/show.hpp"

namespace pw::script {

namespace {

std::string heading(const AreaView& area) {
  char text[96];
  std::snprintf(text, sizeof text, "%012llx-%012llx %s %08llx",
                static_cast<unsigned long long>(area.begin),
                static_cast<unsigned long long>(area.end), area.rights.c_str(),
                static_cast<unsigned long long>(area.offset));
  return std::string(text) + (area.name.empty() ? "" : "  " + area.name) + '\n';
}

std::string sized(const char* name, std::uint64_t kib) {
  char text[64];
  std::snprintf(text, sizeof text, "%-15s %8llu kB\n", name, static_cast<unsigned long long>(kib));
  return text;
}

std::string smaps_area(const AreaView& area) {
  return heading(area) + sized("Size:", (area.end - area.begin) / 1024) + sized("Rss:", area.rss) +
         sized("Shared_Clean:", area.shared_clean) + sized("Shared_Dirty:", area.shared_dirty) +
         sized("Private_Clean:", area.private_clean) + sized("Private_Dirty:", area.private_dirty) +
         sized("Anonymous:", area.anonymous) + sized("LazyFree:", area.lazy_free) +
         sized("Swap:", area.swap) + sized("Locked:", area.locked) + "VmFlags: " + area.flags +
         '\n';
}

std::string status(const ProcessView& view) {
  std::uint64_t size = 0, rss = 0, anonymous = 0, locked = 0, swap = 0;
  for (const AreaView& area : view.areas) {
    size += (area.end - area.begin) / 1024;
    rss += area.rss;
    anonymous += area.anonymous;
    locked += area.locked;
    swap += area.swap;
  }
  return sized("VmSize:", size) + sized("VmLck:", locked) + sized("VmRSS:", rss) +
         sized("RssAnon:", anonymous) + sized("VmSwap:", swap) + "Faults: minor " +
         std::to_string(view.minor_faults) + ", major " + std::to_string(view.major_faults) + '\n';
}

}  // namespace

std::string view_text(std::string_view what, const ProcessView& view) {
  if (what == "status") return status(view);
  std::string text;
  for (const AreaView& area : view.areas) {
    text += what == "smaps" ? smaps_area(area) : heading(area);
  }
  return text;
}

}  // namespace pw::script
