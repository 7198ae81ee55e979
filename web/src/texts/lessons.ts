// The gallery's lessons, data/scripts, in the order of docs/SCRIPTS.md.
export const lessonTexts = {
  "group.pages": {en: "Pages and faults", ko: "페이지와 폴트"},
  "lesson.demand_paging": {
    en: "Memory that is mapped costs nothing until it is touched",
    ko: "매핑한 메모리는 건드리기 전까지 비용이 없다",
  },
  "lesson.zero_page": {
    en: "What was never written is one frame for everybody",
    ko: "한 번도 쓰지 않은 페이지는 모두 같은 프레임 하나다",
  },
  "lesson.page_tables": {
    en: "Four levels, made where they are needed, gone when they are empty",
    ko: "네 단계 표: 필요할 때 만들고 비면 없앤다",
  },
  "lesson.five_levels": {en: "Addresses of 56 bits", ko: "56비트 주소"},
  "lesson.thirty_two_bits": {
    en: "Addresses that run out before memory does",
    ko: "메모리보다 주소가 먼저 바닥난다",
  },
  "lesson.a_tebibyte_on_64_mib": {
    en: "An address space is not memory",
    ko: "주소 공간은 메모리가 아니다",
  },
  "lesson.addresses_of_nobody": {
    en: "Null, the kernel's half, and what is not canonical",
    ko: "널, 커널 쪽 절반, 정규형이 아닌 주소",
  },
  "lesson.fault_around": {
    en: "One fault maps the neighbours that are in memory already",
    ko: "폴트 한 번에 이미 메모리에 있는 이웃까지 매핑한다",
  },
  "lesson.readahead": {
    en: "Reading a file ahead of the program",
    ko: "프로그램보다 앞서 파일을 읽는다",
  },
  "lesson.madvise_willneed": {
    en: "Asking for pages before they are needed",
    ko: "필요하기 전에 페이지를 요청한다",
  },
  "lesson.madvise_populate": {en: "Faults taken beforehand", ko: "폴트를 미리 처리한다"},
  "lesson.prepaging": {en: "Several pages with one fault", ko: "폴트 한 번에 여러 페이지"},
  "lesson.effective_access_time": {
    en: "What one fault in a thousand accesses costs",
    ko: "천 번에 한 번 폴트가 나면 드는 비용",
  },
  "lesson.mincore": {en: "Which pages are in memory", ko: "어느 페이지가 메모리에 있는가"},
  "group.processes": {en: "Processes", ko: "프로세스"},
  "lesson.copy_on_write": {
    en: "Fork copies a page when somebody writes it",
    ko: "fork한 페이지는 누군가 쓸 때 복사된다",
  },
  "lesson.fork_family": {
    en: "One page with many owners; a copy for each that writes",
    ko: "주인이 여럿인 페이지: 쓰는 쪽마다 사본 하나",
  },
  "lesson.vfork_and_exec": {
    en: "A child in its parent's memory, until it runs another program",
    ko: "다른 프로그램을 실행할 때까지 부모의 메모리를 쓰는 자식",
  },
  "lesson.threads": {en: "Two tasks with one address space", ko: "주소 공간 하나를 쓰는 두 태스크"},
  "lesson.shared_text": {
    en: "Two processes of one program have its code in memory once",
    ko: "같은 프로그램의 두 프로세스는 코드를 한 번만 올린다",
  },
  "lesson.madvise_and_fork": {
    en: "What a child does not get: dontfork, wipeonfork",
    ko: "자식이 받지 않는 것: dontfork, wipeonfork",
  },
  "lesson.process_vm": {
    en: "Reading and writing another process's memory",
    ko: "다른 프로세스의 메모리를 읽고 쓴다",
  },
  "group.protection": {en: "Protection", ko: "보호"},
  "lesson.guard_page": {
    en: "An overflow by one byte is caught",
    ko: "한 바이트 넘친 접근을 잡는다",
  },
  "lesson.w_xor_x": {
    en: "A page is written or run, never both",
    ko: "페이지는 쓰거나 실행하거나 둘 중 하나",
  },
  "lesson.protection_keys": {
    en: "Rights that change without a system call",
    ko: "시스템 호출 없이 바뀌는 권한",
  },
  "group.areas": {en: "Areas", ko: "영역"},
  "lesson.mprotect_splits_and_merges": {
    en: "Other rights in the middle make three areas of one, and back",
    ko: "가운데만 권한을 바꾸면 영역이 셋이 되고, 되돌리면 하나가 된다",
  },
  "lesson.munmap_holes": {
    en: "Unmapping a part, several areas, nothing",
    ko: "일부, 여러 영역, 빈 곳의 매핑 해제",
  },
  "lesson.mremap_grow": {
    en: "Growing in its place or somewhere else, without copying",
    ko: "복사 없이 제자리나 다른 곳에서 늘어난다",
  },
  "lesson.mremap_move": {en: "Fixed and dontunmap", ko: "fixed와 dontunmap"},
  "lesson.fixed_noreplace": {
    en: "Choosing an address, with and without harm to others",
    ko: "주소를 고르기: 남을 해칠 때와 해치지 않을 때",
  },
  "lesson.heap": {en: "Brk up and down", ko: "brk로 늘리고 줄인다"},
  "lesson.growing_stack": {
    en: "A stack grows by being touched, up to its limit",
    ko: "건드리면 자라는 스택과 그 한도",
  },
  "lesson.stack_gap": {en: "The distance that a stack keeps", ko: "스택이 지키는 거리"},
  "lesson.madvise_dontneed_and_free": {
    en: "Giving back memory, not addresses",
    ko: "주소는 두고 메모리만 돌려준다",
  },
  "group.files": {en: "Files and shared memory", ko: "파일과 공유 메모리"},
  "lesson.private_and_shared_file": {
    en: "A file mapped twice: what is whose",
    ko: "두 번 매핑한 파일: 무엇이 누구의 것인가",
  },
  "lesson.msync_and_write_notification": {
    en: "How the kernel knows which pages were written",
    ko: "커널은 어느 페이지가 쓰였는지 어떻게 아는가",
  },
  "lesson.sigbus_past_the_end": {
    en: "Mapped, with nothing behind it",
    ko: "매핑되었지만 뒤에 아무것도 없다",
  },
  "lesson.truncation_under_a_mapping": {
    en: "A file is cut while others have it mapped",
    ko: "매핑된 채로 잘리는 파일",
  },
  "lesson.unlinked_file": {en: "A file without a name", ko: "이름 없는 파일"},
  "lesson.shared_anonymous": {
    en: "Memory that fork does not copy",
    ko: "fork가 복사하지 않는 메모리",
  },
  "lesson.posix_shared_memory": {en: "Shm_open: shared by name", ko: "shm_open: 이름으로 공유"},
  "lesson.system_v_shared_memory": {
    en: "Shmget: shared by number, and who counts",
    ko: "shmget: 번호로 공유하고, 누가 세는가",
  },
  "lesson.memfd_and_seals": {
    en: "Promises about a file in memory",
    ko: "메모리 속 파일에 대한 약속",
  },
  "group.limits": {en: "Limits", ko: "한도"},
  "lesson.mlock": {en: "Pages that stay in memory", ko: "메모리에 남는 페이지"},
  "lesson.mlock_limit": {
    en: "How much memory a process may lock",
    ko: "프로세스가 잠글 수 있는 메모리",
  },
  "lesson.mlockall": {en: "All pages, present and future", ko: "지금과 앞으로의 모든 페이지"},
  "lesson.resource_limits": {en: "Address space, data, stack", ko: "주소 공간, 데이터, 스택"},
  "lesson.noreserve": {en: "Memory that is not counted", ko: "계산에 들어가지 않는 메모리"},
  "lesson.overcommit": {
    en: "What is promised and what is refused",
    ko: "무엇을 약속하고 무엇을 거절하는가",
  },
  "lesson.overcommit_in_parts": {en: "Many small promises", ko: "작은 약속이 많을 때"},
  "lesson.out_of_memory": {
    en: "One process ends, the others keep every byte",
    ko: "한 프로세스가 끝나고 나머지는 모든 바이트를 지킨다",
  },
  "group.replacement": {en: "Replacement and swap", ko: "교체와 스왑"},
  "lesson.swap_round_trip": {
    en: "Pages go out and come back as they were",
    ko: "페이지가 나갔다가 그대로 돌아온다",
  },
  "lesson.swap_and_fork": {
    en: "One slot for all who share the page",
    ko: "페이지를 함께 쓰는 모두에게 슬롯 하나",
  },
  "lesson.swap_readahead": {
    en: "Neighbours in the swap area are read together",
    ko: "스왑의 이웃은 함께 읽는다",
  },
  "lesson.madvise_cold_and_pageout": {
    en: "Telling the kernel what will not be needed soon",
    ko: "곧 필요 없을 것을 커널에 알린다",
  },
  "lesson.background_reclaim": {
    en: "Making room before it is wanted",
    ko: "필요하기 전에 자리를 비운다",
  },
  "lesson.belady_three_frames": {
    en: "FIFO with three frames: 9 faults",
    ko: "프레임 셋의 FIFO: 폴트 9번",
  },
  "lesson.belady_four_frames": {
    en: "FIFO with four frames: 10 faults",
    ko: "프레임 넷의 FIFO: 폴트 10번",
  },
  "lesson.thrashing": {
    en: "A loop over a little more memory than there is",
    ko: "메모리보다 조금 큰 것을 도는 반복",
  },
  "lesson.scan_with_lru": {
    en: "Reading a large file drives out what is used all the time",
    ko: "큰 파일을 읽으면 늘 쓰던 것이 밀려난다",
  },
  "lesson.scan_with_arc": {en: "With ARC it does not", ko: "ARC에서는 밀려나지 않는다"},
  "lesson.global_replacement": {
    en: "A greedy process makes all others pay",
    ko: "욕심 많은 프로세스의 값을 모두가 치른다",
  },
  "lesson.local_replacement": {en: "A greedy process pays for it alone", ko: "또는 혼자 치른다"},
  "group.linux": {en: "Reclaim as Linux does it", ko: "리눅스의 회수 방식"},
  "lesson.linux_group_limit": {
    en: "At its limit a group takes from itself: who pays for the 257th page?",
    ko: "한도에 닿은 그룹은 자기 것을 내놓는다: 257번째 페이지 값은 누가 치르나?",
  },
  "lesson.linux_two_lists": {
    en: "Active and inactive: when is a page safe from a scan?",
    ko: "활성과 비활성: 페이지는 언제 훑기에서 안전한가?",
  },
  "lesson.linux_accessed_bits": {
    en: "Accessed bits and the TLB: why does a page that is used all the time go?",
    ko: "접근 비트와 TLB: 늘 쓰는 페이지가 왜 나가나?",
  },
  "lesson.linux_refault": {
    en: "Refault distance: how does the kernel know that a page went too early?",
    ko: "리폴트 거리: 너무 일찍 나갔음을 커널은 어떻게 아는가?",
  },
  "lesson.mglru_generations": {
    en: "Generations: how old is a page?",
    ko: "세대: 페이지는 얼마나 오래되었나?",
  },
  "lesson.mglru_look_around": {
    en: "Looking around: how do 64 pages get young with one look?",
    ko: "둘러보기: 한 번 보고 어떻게 64페이지가 젊어지나?",
  },
  "lesson.mglru_tiers": {
    en: "Tiers: who is spared although no page table names him?",
    ko: "등급: 페이지 표에 없는데도 누가 살아남나?",
  },
  "group.tlb": {en: "TLB", ko: "TLB"},
  "lesson.tlb_reach": {en: "More pages than the TLB has entries", ko: "TLB 항목보다 많은 페이지"},
  "lesson.tlb_without_pcid": {
    en: "Each change of process empties the TLB",
    ko: "프로세스가 바뀔 때마다 TLB가 빈다",
  },
  "lesson.tlb_with_pcid": {
    en: "Tags let the TLB survive a change of process",
    ko: "태그가 있으면 살아남는다",
  },
  "lesson.shootdowns": {
    en: "Taking a translation away from all CPUs",
    ko: "모든 CPU에서 변환을 거둔다",
  },
  "lesson.kpti": {
    en: "A second set of tables, and what it costs",
    ko: "두 번째 표 한 벌과 그 비용",
  },
};
