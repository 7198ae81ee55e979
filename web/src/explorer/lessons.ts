/// <reference types="vite/client" />
// The gallery: data/scripts in groups, as docs/SCRIPTS.md has them.
const kFiles = import.meta.glob("../../../data/scripts/*.pws", {
  query: "?raw",
  import: "default",
  eager: true,
}) as Record<string, string>;

export const kGroups = {
  pages: [
    "demand_paging",
    "zero_page",
    "page_tables",
    "five_levels",
    "thirty_two_bits",
    "a_tebibyte_on_64_mib",
    "addresses_of_nobody",
    "fault_around",
    "readahead",
    "madvise_willneed",
    "madvise_populate",
    "prepaging",
    "effective_access_time",
    "mincore",
  ],
  processes: [
    "copy_on_write",
    "fork_family",
    "vfork_and_exec",
    "threads",
    "shared_text",
    "madvise_and_fork",
    "process_vm",
  ],
  protection: ["guard_page", "w_xor_x", "protection_keys"],
  areas: [
    "mprotect_splits_and_merges",
    "munmap_holes",
    "mremap_grow",
    "mremap_move",
    "fixed_noreplace",
    "heap",
    "growing_stack",
    "stack_gap",
    "madvise_dontneed_and_free",
  ],
  files: [
    "private_and_shared_file",
    "msync_and_write_notification",
    "sigbus_past_the_end",
    "truncation_under_a_mapping",
    "unlinked_file",
    "shared_anonymous",
    "posix_shared_memory",
    "system_v_shared_memory",
    "memfd_and_seals",
  ],
  limits: [
    "mlock",
    "mlock_limit",
    "mlockall",
    "resource_limits",
    "noreserve",
    "overcommit",
    "overcommit_in_parts",
    "out_of_memory",
  ],
  replacement: [
    "swap_round_trip",
    "swap_and_fork",
    "swap_readahead",
    "madvise_cold_and_pageout",
    "background_reclaim",
    "belady_three_frames",
    "belady_four_frames",
    "thrashing",
    "scan_with_lru",
    "scan_with_arc",
    "global_replacement",
    "local_replacement",
  ],
  linux: [
    "linux_group_limit",
    "linux_two_lists",
    "linux_accessed_bits",
    "linux_refault",
    "mglru_generations",
    "mglru_look_around",
    "mglru_tiers",
  ],
  tlb: ["tlb_reach", "tlb_without_pcid", "tlb_with_pcid", "shootdowns", "kpti"],
} as const;
export type Group = keyof typeof kGroups;
export type Lesson = (typeof kGroups)[Group][number];

export const kLessons = Object.values(kGroups).flat() as Lesson[];
const kTexts = new Map(
  Object.entries(kFiles).map(([path, text]) => [path.replace(/^.*\/(\w+)\.pws$/, "$1"), text]),
);
export const kFileNames = [...kTexts.keys()];

export function lessonNamed(name: string): Lesson | undefined {
  return kLessons.find((lesson) => lesson === name);
}
export function textOfLesson(lesson: Lesson): string {
  return kTexts.get(lesson) ?? "";
}
export function lessonWith(text: string): Lesson | undefined {
  return kLessons.find((lesson) => textOfLesson(lesson) === text);
}
