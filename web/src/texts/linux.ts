// Texts of the explorer: the lists of Linux and its generations; the event log.
export const linuxTexts = {
  "linux.title": {en: "Lists of Linux", ko: "리눅스의 목록"},
  "linux.anon": {en: "anonymous", ko: "익명"},
  "linux.file": {en: "of files", ko: "파일"},
  "linux.limit": {
    en: "The group uses {used} of {limit} pages, {peak} at most so far; swappiness {swappiness}.",
    ko: "그룹이 {limit}페이지 중 {used}페이지를 씁니다(최대 {peak}); swappiness {swappiness}.",
  },
  "linux.no-limit": {
    en: "The group uses {used} pages and has no limit; swappiness {swappiness}.",
    ko: "그룹이 {used}페이지를 쓰며 한도가 없습니다; swappiness {swappiness}.",
  },
  "linux.age": {
    en: "After {n} evictions and activations",
    ko: "축출과 활성화 {n}번 뒤",
  },
  "linux.shadows": {en: "away, and remembered (shadows)", ko: "나갔으나 기억됨(그림자)"},
  "linux.refaults": {en: "came back (refaults)", ko: "돌아옴(리폴트)"},
  "linux.activated": {en: "of them soon enough to be active", ko: "그중 곧바로 활성이 됨"},
  "linux.room": {en: "distance that is still soon", ko: "‘곧’으로 치는 거리"},
  "linux.distance": {
    en: "refault distance {n} if it came back now",
    ko: "지금 돌아오면 리폴트 거리 {n}",
  },
  "linux.accessed": {en: "A: its accessed bit is set", ko: "A: 접근 비트가 켜짐"},
  "linux.referenced": {en: "R: marked as referenced", ko: "R: 참조 표시됨"},
  "linux.workingset": {en: "W: was active before", ko: "W: 전에 활성이었음"},
  "linux.writing": {en: "P: goes when it is written", ko: "P: 다 쓰면 나감"},
  "linux.legend": {
    en: "A: accessed bit set, R: referenced, W: was active before, P: goes when it is written.",
    ko: "A: 접근 비트, R: 참조됨, W: 전에 활성, P: 다 쓰면 나감.",
  },
  "mglru.title": {en: "Generations of Linux (MGLRU)", ko: "리눅스의 세대(MGLRU)"},
  "mglru.order": {
    en:
      "Of each kind the oldest generation comes first, and in it the page that eviction would " +
      "look at next. Numbers are frames.",
    ko: "종류마다 가장 오래된 세대가 먼저이고, 그 맨 앞 페이지를 다음에 살펴봅니다. 숫자는 프레임입니다.",
  },
  "mglru.list": {en: "{kind}, generation {n}", ko: "{kind}, {n}세대"},
  "mglru.oldest": {en: "oldest", ko: "가장 오래됨"},
  "mglru.youngest": {en: "youngest", ko: "가장 젊음"},
  "mglru.tier": {en: "tier {n}", ko: "{n}등급"},
  "mglru.younger": {
    en: "↑: belongs to generation {n} already, and moves there when eviction meets it",
    ko: "↑: 이미 {n}세대에 속하며, 축출이 만나면 그리로 옮김",
  },
  "mglru.left": {
    en: "left generation {n}: would be known if it came back now",
    ko: "{n}세대에서 나감: 지금 돌아오면 알아봄",
  },
  "mglru.left-long-ago": {
    en: "left generation {n}: too long ago to be known again",
    ko: "{n}세대에서 나감: 너무 오래되어 알아보지 못함",
  },
  "mglru.walks": {en: "After {n} walks over page tables", ko: "페이지 표를 {n}번 훑은 뒤"},
  "mglru.found": {
    en:
      "Moved to the youngest generation: {promoted} pages by walks. Found in use beside a page " +
      "that was to go: {neighbours}.",
    ko: "가장 젊은 세대로 옮김: 표 훑기로 {promoted}페이지. 내보낼 페이지의 이웃에서 사용 중으로 찾음: {neighbours}.",
  },
  "mglru.shadows": {
    en: "away, and would be known (shadows)",
    ko: "나갔으나 알아볼 수 있음(그림자)",
  },
  "mglru.activated": {en: "of them known, by a fault", ko: "그중 폴트로 돌아와 알아봄"},
  "mglru.tiers": {en: "Came back, of those evicted or spared", ko: "내보내거나 살린 것 중 돌아옴"},
  "mglru.tier-0": {en: "tier 0: not used by read or write", ko: "0등급: read·write로 쓰지 않음"},
  "mglru.tier-1": {en: "tier 1: used twice", ko: "1등급: 두 번 씀"},
  "mglru.tier-2": {en: "tier 2: three or four times", ko: "2등급: 서너 번 씀"},
  "mglru.tier-3": {en: "tier 3: more, or in use before", ko: "3등급: 더 많이, 또는 전에 쓰임"},
  "mglru.came-back": {en: "{back} of {all}", ko: "{all} 중 {back}"},
  "mglru.spared": {en: "spared", ko: "살려 둠"},
  "mglru.legend": {
    en: "A digit: the tier, where it is not 0. ↑: belongs to a younger generation already.",
    ko: "숫자: 0이 아닌 등급. ↑: 이미 더 젊은 세대에 속함.",
  },
  "compare.lists": {en: "Linux: active and inactive lists", ko: "리눅스: 활성·비활성 목록"},
  "compare.generations": {en: "Linux: generations (MGLRU)", ko: "리눅스: 세대(MGLRU)"},
  "compare.lists-generations": {
    en: "Linux's lists | its generations, both in 1 MiB",
    ko: "리눅스의 목록 | 세대, 둘 다 1 MiB",
  },
  "log.title": {en: "Event log", ko: "사건 기록"},
  "log.about": {
    en: "Events in this step: {n}. Below are the last {kept}, newest first.",
    ko: "이 단계의 사건: {n}. 아래는 마지막 {kept}개, 최근 것부터.",
  },
  "log.none": {en: "Nothing of the kind yet.", ko: "아직 없습니다."},
  "log.filter": {en: "Which events are shown", ko: "보여 줄 사건"},
  "log.group-faults": {en: "faults", ko: "폴트"},
  "log.group-evictions": {en: "evictions", ko: "축출"},
  "log.group-switches": {en: "switches", ko: "전환"},
  "log.group-shootdowns": {en: "shootdowns", ko: "슛다운"},
  "log.all": {en: "show all {n}", ko: "{n}개 모두 보기"},
  "log.to-step": {en: "Go to step {n}", ko: "{n}단계로 가기"},
  "log.gone": {en: "a process that has ended", ko: "끝난 프로세스"},
  "log.minor": {
    en: "Minor fault: {who}, {access} at {address}",
    ko: "마이너 폴트: {who}, {address} {access}",
  },
  "log.major": {
    en: "Major fault: {who}, {access} at {address}",
    ko: "메이저 폴트: {who}, {address} {access}",
  },
  "log.page": {en: "page {page} of {who}", ko: "{who}의 페이지 {page}"},
  "log.page-of-file": {en: "page at byte {page} of {who}", ko: "{who}의 {page} 바이트 페이지"},
  "log.dirty": {en: "dirty, was written", ko: "변경되어 먼저 씀"},
  "log.clean": {en: "clean", ko: "깨끗함"},
  "log.to-swap": {
    en: "Evicted from frame {frame}: {page}, {how}; now in swap slot {slot}",
    ko: "프레임 {frame}에서 축출: {page}, {how}; 스왑 슬롯 {slot}에 있음",
  },
  "log.to-file": {
    en: "Evicted from frame {frame}: {page}, {how}; its file has it",
    ko: "프레임 {frame}에서 축출: {page}, {how}; 파일에 있음",
  },
  "log.to-nowhere": {
    en: "Given up, frame {frame}: {page}, which madvise said is not needed",
    ko: "프레임 {frame} 포기: {page}, madvise가 필요 없다고 함",
  },
  "log.swap-write": {
    en: "Written to swap slot {slot}: {page}, frame {frame}",
    ko: "스왑 슬롯 {slot}에 씀: {page}, 프레임 {frame}",
  },
  "log.begins": {en: "CPU {cpu} runs {who}", ko: "CPU {cpu}: {who} 실행"},
  "log.switch": {
    en: "CPU {cpu} changes from {before} to {who}",
    ko: "CPU {cpu}: {before}에서 {who}(으)로 전환",
  },
  "log.shootdown": {
    en:
      "TLB shootdown by CPU {cpu} ({reason}): {n} pages from {address} of {who}; " +
      "CPUs interrupted: {cpus}",
    ko: "CPU {cpu}의 TLB 슛다운({reason}): {who}의 {address}부터 {n}페이지; 인터럽트한 CPU {cpus}개",
  },
  "log.shootdown-all": {
    en: "TLB shootdown by CPU {cpu} ({reason}): all of {who}; CPUs interrupted: {cpus}",
    ko: "CPU {cpu}의 TLB 슛다운({reason}): {who} 전체; 인터럽트한 CPU {cpus}개",
  },
  "log.reason-unmap": {en: "unmapped", ko: "매핑 해제"},
  "log.reason-protect": {en: "rights changed", ko: "권한 변경"},
  "log.reason-copy-on-write": {en: "copied on write", ko: "쓸 때 복사"},
  "log.reason-reclaim": {en: "reclaim", ko: "회수"},
  "log.reason-migrate": {en: "moved", ko: "이동"},
  "log.reason-write-protect": {en: "made read-only", ko: "읽기 전용으로"},
  "log.reason-fork": {en: "fork", ko: "fork"},
};
