// Texts of the report page.
export const reportTexts = {
  "report.title": {en: "Memory report", ko: "메모리 보고서"},
  "report.empty": {
    en: "This page has no recording in it. Make one with: pagewright report REC --html out.html",
    ko: "이 페이지에는 기록이 없습니다. 다음 명령으로 만드세요: pagewright report REC --html out.html",
  },
  "report.sections": {en: "Parts of this report", ko: "보고서 차례"},

  "answer.title": {en: "How much memory does it need?", ko: "메모리가 얼마나 필요한가?"},
  "answer.needs": {
    en: "It needs {size} for at most {percent} slowdown.",
    ko: "느려짐을 {percent} 이하로 하려면 {size}가 필요합니다.",
  },
  "answer.needs_least": {
    en: "It needs {size} or less for at most {percent} slowdown: smaller memories are not known.",
    ko: "느려짐을 {percent} 이하로 하려면 {size} 이하면 됩니다. 더 작은 메모리는 알 수 없습니다.",
  },
  "answer.cliff": {
    en: "The knee of the curve, below which faults rise steeply, is at {size}.",
    ko: "이보다 작아지면 폴트가 급격히 늘어나는 곡선의 무릎은 {size}입니다.",
  },
  "answer.fits": {
    en: "With {size} every page is fetched only once.",
    ko: "{size}이면 모든 페이지를 한 번씩만 가져옵니다.",
  },
  "answer.percent": {en: "Slowdown allowed", ko: "허용할 느려짐"},
  "answer.of": {
    en: "From {references} references to {pages} pages, {size}.",
    ko: "참조 {references}회, 서로 다른 페이지 {pages}개({size}) 기준.",
  },
  "answer.window": {
    en: "For the chosen part of the run alone.",
    ko: "선택한 구간만 따로 계산한 값입니다.",
  },

  "curve.title": {en: "Faults by size of RAM", ko: "RAM 크기에 따른 페이지 폴트"},
  "curve.ram": {en: "RAM", ko: "RAM"},
  "curve.page_size": {en: "Page size", ko: "페이지 크기"},
  "curve.device": {en: "Pages come from", ko: "페이지를 가져오는 장치"},
  "curve.metric": {en: "Show", ko: "표시"},
  "curve.faults": {en: "Faults", ko: "폴트 수"},
  "curve.slowdown": {en: "Times slower", ko: "느려진 배수"},
  "curve.policies": {en: "Replacement policies", ko: "교체 정책"},
  "curve.policy": {en: "Policy", ko: "정책"},
  "curve.error": {en: "Standard error", ko: "표준 오차"},
  "curve.exact": {en: "counted", ko: "정확"},
  "curve.unknown": {en: "not known", ko: "알 수 없음"},
  "curve.at": {en: "With {size} of RAM", ko: "RAM이 {size}일 때"},
  "curve.whole": {
    en: "Counted by Pagewright's core in this page, from every recorded reference.",
    ko: "기록된 모든 참조를 이 페이지 안의 Pagewright 코어가 다시 계산한 값입니다.",
  },
  "curve.sample": {
    en:
      "LRU and OPT of the whole run: counted. All others: by how much they differ from LRU, as " +
      "Pagewright's core in this page counts it on a sample of {pages} pages ({rate} of all), " +
      "with the standard error as told.",
    ko:
      "전체 실행의 LRU와 OPT는 정확한 값입니다. 나머지는 페이지 {pages}개(전체의 {rate})의 표본에서 LRU와의 차이를 " +
      "이 페이지 안의 Pagewright 코어가 계산한 값이며, 표준 오차를 함께 표시합니다.",
  },
  "curve.filter": {
    en:
      "The recorder left out references to the {filter} pages used last. For LRU and OPT " +
      "nothing is lost by that; for other policies a page evicted while in use counts as " +
      "referenced at once, which is a model.",
    ko:
      "기록기는 마지막에 쓰인 페이지 {filter}개에 대한 참조를 생략했습니다. LRU와 OPT에는 영향이 없고, 다른 정책에서는 사용 중에 쫓겨난 " +
      "페이지가 곧바로 다시 참조되는 것으로 보는 모형입니다.",
  },
  "curve.window": {
    en: "A part of the run counts as a run of its own that starts with empty memory.",
    ko: "구간은 빈 메모리로 시작하는 독립된 실행으로 계산합니다.",
  },

  "window.title": {en: "Part of the run", ko: "살펴볼 구간"},
  "window.whole": {
    en: "The whole run: {references} references.",
    ko: "전체 실행: 참조 {references}회.",
  },
  "window.part": {
    en: "From reference {from} to {to}.",
    ko: "참조 {from}부터 {to}까지.",
  },
  "window.from": {en: "From", ko: "시작"},
  "window.to": {en: "To", ko: "끝"},
  "window.all": {en: "Whole run", ko: "전체 실행"},
  "window.left": {en: "Look at an earlier part", ko: "더 앞 구간 보기"},
  "window.right": {en: "Look at a later part", ko: "더 뒤 구간 보기"},
  "window.in": {en: "Zoom in", ko: "확대"},
  "window.out": {en: "Zoom out", ko: "축소"},
  "window.help": {
    en: "Drag across any chart over time to look at a part; everything on this page follows.",
    ko: "시간 그래프 위를 드래그하면 그 구간만 볼 수 있고, 이 페이지의 모든 내용이 따라 바뀝니다.",
  },
  "time.references": {en: "References", ko: "참조 횟수"},

  "ws.title": {en: "Working set over time", ko: "시간에 따른 작업 집합"},
  "ws.tau": {en: "last {tau} references", ko: "최근 참조 {tau}회"},
  "ws.resident": {en: "resident", ko: "상주 메모리"},
  "ws.size": {en: "Size", ko: "크기"},
  "ws.phases": {
    en:
      "{count} phases: stretches in which the pages in use stay much the same (shaded), " +
      "seen through windows of {window} references.",
    ko: "사용하는 페이지가 거의 같은 구간(단계) {count}개를 음영으로 표시했습니다. 참조 {window}회 창으로 비교했습니다.",
  },
  "ws.filter": {
    en: "Too large by less than {filter} pages, never too small.",
    ko: "실제보다 클 수 있으나 차이는 페이지 {filter}개 미만이며, 작은 경우는 없습니다.",
  },

  "heat.title": {en: "Addresses over time", ko: "시간에 따른 주소 사용"},
  "heat.help": {
    en:
      "Each row is a stretch of touched memory, lowest addresses first; the brighter, the " +
      "more of its pages were in use.",
    ko: "각 행은 사용된 메모리 구간이며 낮은 주소부터 나열됩니다. 밝을수록 더 많은 페이지가 사용되었습니다.",
  },
  "heat.label": {
    en:
      "Heat map of {rows} rows of memory in {areas} areas over time. The areas are told in " +
      "the table below.",
    ko: "영역 {areas}개, 행 {rows}개의 시간별 메모리 사용 지도. 영역은 아래 표에 있습니다.",
  },
  "heat.cell": {
    en: "{area}, process {pid}, {from} to {to}: {used} of {pages} pages in use at reference {time}",
    ko: "{area}, 프로세스 {pid}, {from}~{to}: 참조 {time} 시점에 {pages}페이지 중 {used}페이지 사용",
  },

  "fault.title": {en: "Faults by kind over time", ko: "시간에 따른 종류별 폴트"},
  "fault.machine": {en: "Machine", ko: "머신"},
  "fault.none": {en: "There were no faults.", ko: "폴트가 없었습니다."},
  "fault.per_bin": {en: "In each stretch", ko: "구간마다"},
  "fault.anonymous": {en: "new anonymous page", ko: "새 익명 페이지"},
  "fault.zero_page": {en: "zero page", ko: "제로 페이지"},
  "fault.file_mapped": {en: "file page mapped", ko: "파일 페이지 매핑"},
  "fault.copy_on_write": {en: "copy on write", ko: "쓰기 시 복사"},
  "fault.write_notify": {en: "first write to a shared file page", ko: "공유 파일 페이지의 첫 쓰기"},
  "fault.swap_in": {en: "swapped in", ko: "스왑 인"},
  "fault.swapped_out": {en: "swapped out", ko: "스왑 아웃"},

  "flame.title": {en: "Who touches memory", ko: "메모리를 사용하는 코드"},
  "flame.mode": {en: "Order", ko: "정렬"},
  "flame.left": {en: "Left heavy", ko: "무거운 순"},
  "flame.time": {en: "Time order", ko: "시간순"},
  "flame.sandwich": {en: "Sandwich", ko: "샌드위치"},
  "flame.measure": {en: "Width", ko: "너비"},
  "flame.touched": {en: "bytes touched first", ko: "처음 사용한 바이트"},
  "flame.all_faults": {en: "faults at the chosen RAM", ko: "선택한 RAM에서의 폴트"},
  "flame.function": {en: "Function", ko: "함수"},
  "flame.sites": {en: "Call sites", ko: "호출 위치"},
  "flame.total": {en: "With all it called", ko: "호출한 것 포함"},
  "flame.self": {en: "Itself", ko: "자체"},
  "flame.all": {en: "all", ko: "전체"},
  "flame.faults": {en: "{n} faults", ko: "폴트 {n}회"},
  "flame.callers": {en: "Who called {name}", ko: "{name}을(를) 호출한 곳"},
  "flame.callees": {en: "What {name} called", ko: "{name}이(가) 호출한 곳"},
  "flame.none": {
    en: "No page was touched for the first time here.",
    ko: "이 구간에서 처음 사용된 페이지가 없습니다.",
  },
  "flame.help": {
    en:
      "By the call stack that touched a page first. Click a function for its callers and " +
      "callees.",
    ko: "페이지를 처음 사용한 호출 스택 기준입니다. 함수를 누르면 호출 관계를 볼 수 있습니다.",
  },
  "flame.help_faults": {
    en:
      "Every fault counts for the call stack that touched its page first; the recorder " +
      "notes no stack of later faults.",
    ko: "모든 폴트를 그 페이지를 처음 사용한 호출 스택의 것으로 셉니다. 이후 폴트의 스택은 기록되지 않습니다.",
  },

  "table.label": {en: "Table: {title}", ko: "표: {title}"},
  "table.all": {en: "Show all {n}", ko: "{n}개 모두 보기"},
  "table.window": {
    en: "Counted in the chosen part of the run, which goes on from what came before it.",
    ko: "선택한 구간에서 센 값이며, 그 앞의 실행에서 이어진 상태입니다.",
  },
  "table.too_many": {
    en: "Of the whole run: there are too many areas to tell of a part.",
    ko: "전체 실행의 값입니다. 영역이 너무 많아 구간별로 나눌 수 없습니다.",
  },
  "table.fewer": {en: "Show fewer", ko: "줄여 보기"},

  "translation.title": {
    en: "Translation cost by area and page size",
    ko: "영역과 페이지 크기별 주소 변환 비용",
  },
  "tlb.entries": {en: "TLB entries", ko: "TLB 항목 수"},
  "tlb.walks": {en: "Walks, {size} pages", ko: "페이지 워크({size})"},
  "tlb.cost": {en: "Time, 4 KiB pages", ko: "시간(4 KiB)"},
  "tlb.others": {en: "(other areas)", ko: "(다른 영역)"},
  "tlb.help": {
    en:
      "In a fully associative TLB with LRU; a walk takes {each} table reads, as on the " +
      "machine replayed. Walks that a TLB of fewer than {filter} entries would add are not " +
      "known.",
    ko:
      "완전 연관 LRU TLB로 계산했습니다. 워크 한 번은 재생한 머신에서처럼 테이블을 {each}회 읽습니다. 항목이 {filter}개보다 " +
      "적은 TLB에 대해서는 알 수 없습니다.",
  },

  "fork.title": {en: "The bill of forks", ko: "fork 비용"},
  "fork.none": {en: "The program never forked.", ko: "이 프로그램은 fork하지 않았습니다."},
  "fork.count": {
    en: "Forks: {n}. Pages copied because of them, by where the memory was allocated:",
    ko: "fork {n}회. 그 때문에 복사된 페이지를 메모리를 할당한 곳별로 나타냅니다.",
  },
  "fork.count_part": {
    en: "Forks in this part: {n}. Pages copied in it, by where the memory was allocated:",
    ko: "이 구간의 fork {n}회. 이 구간에서 복사된 페이지를 메모리를 할당한 곳별로 나타냅니다.",
  },
  "fork.site": {en: "Memory", ko: "메모리"},
  "fork.copied": {en: "Pages copied", ko: "복사된 페이지"},
  "fork.bytes": {en: "Copied", ko: "복사량"},
  "fork.reused": {en: "Taken over without a copy", ko: "복사 없이 재사용"},
  "fork.writer": {en: "Who wrote", ko: "쓴 곳"},
  "fork.writers": {
    en: "Who wrote the pages that a fork had shared, in the whole run:",
    ko: "fork로 공유된 페이지에 쓴 호출 위치(전체 실행):",
  },
  "fork.help": {
    en:
      "Private pages of files that were written to count here, too: they are copied " +
      "without any fork.",
    ko: "파일의 사적 매핑에 쓴 페이지도 포함됩니다. 이런 페이지는 fork 없이도 복사됩니다.",
  },

  "area.title": {en: "Areas of memory", ko: "메모리 영역"},
  "area.name": {en: "Area", ko: "영역"},
  "area.touched": {en: "Touched", ko: "사용"},
  "area.resident": {en: "Resident, peak", ko: "상주(최대)"},
  "area.mapped": {en: "Mapped, peak", ko: "매핑(최대)"},
  "area.minor": {en: "Minor faults", ko: "마이너 폴트"},
  "area.major": {en: "Major faults", ko: "메이저 폴트"},

  "check.title": {en: "Prediction beside measurement", ko: "예측과 측정 비교"},
  "check.where": {
    en: "Linux {kernel}, swap {swap}; measured by pagewright check.",
    ko: "Linux {kernel}, 스왑 {swap}. pagewright check로 측정했습니다.",
  },
  "check.no_limit": {en: "no limit", ko: "제한 없음"},
  "check.limit": {en: "Limit", ko: "제한"},
  "check.figure": {en: "Figure", ko: "항목"},
  "check.predicted": {en: "Predicted", ko: "예측"},
  "check.measured": {en: "Measured", ko: "측정"},
  "check.spread": {en: "Spread", ko: "편차"},
  "check.error": {en: "Error", ko: "오차"},
  "check.verdict": {en: "Verdict", ko: "판정"},
  "check.within": {en: "ok", ko: "양호"},
  "check.beyond": {en: "off", ko: "벗어남"},
  "check.no_bar": {en: "no bar", ko: "기준 없음"},

  "counter.title": {en: "Raw counters", ko: "원시 카운터"},
  "counter.group": {en: "Group", ko: "분류"},
  "counter.name": {en: "Counter", ko: "카운터"},
  "counter.window": {
    en: "What the chosen part of the run added to each counter that is not 0 in the end.",
    ko: "마지막에 0이 아닌 카운터마다 선택한 구간에서 늘어난 값입니다.",
  },
  "counter.value": {en: "Value", ko: "값"},

  "how.title": {en: "How this was measured", ko: "측정 방법"},
  "how.command": {en: "Command", ko: "명령"},
  "how.recorder": {en: "Recorder", ko: "기록기"},
  "how.exactness": {en: "Exactness", ko: "정확도"},
  "how.assumed": {en: "References whose order was assumed", ko: "순서를 가정한 참조"},
  "how.time": {en: "Time", ko: "시간"},
  "how.bins": {
    en: "{bins} stretches of {each} references each",
    ko: "참조 {each}회씩 {bins}개 구간",
  },
  "how.sample": {en: "Sample", ko: "표본"},
  "how.sample_text": {
    en: "{pages} of {all} pages ({rate}), chosen by a hash of their number",
    ko: "페이지 {all}개 중 {pages}개({rate}), 번호의 해시로 선택",
  },
  "how.exit": {en: "Exit status", ko: "종료 상태"},
  "how.redacted": {en: "Names replaced by hashes", ko: "이름을 해시로 바꿈"},
  "how.yes": {en: "yes", ko: "예"},
  "how.losses": {en: "What the recording lost", ko: "기록에서 빠진 것"},
  "how.help": {
    en: "This file is complete: it loads nothing from anywhere, and nothing leaves it.",
    ko: "이 파일은 그 자체로 완전합니다. 아무것도 불러오지 않고 아무것도 보내지 않습니다.",
  },

  "diff.title": {en: "Two recordings compared", ko: "두 기록 비교"},
  "diff.answer": {en: "What changed?", ko: "무엇이 달라졌는가?"},
  "diff.more": {
    en: "B needs {size} more than A for at most {percent} slowdown: {b} after {a}.",
    ko: "느려짐을 {percent} 이하로 하려면 B는 A보다 {size} 더 필요합니다({a} → {b}).",
  },
  "diff.less": {
    en: "B needs {size} less than A for at most {percent} slowdown: {b} after {a}.",
    ko: "느려짐을 {percent} 이하로 하려면 B는 A보다 {size} 덜 필요합니다({a} → {b}).",
  },
  "diff.same": {
    en: "B needs as much as A for at most {percent} slowdown: {b}.",
    ko: "느려짐을 {percent} 이하로 하는 데 A와 B 모두 {b}가 필요합니다.",
  },
  "diff.faults": {
    en: "Page faults: {a}, then {b} ({change}).",
    ko: "페이지 폴트: {a} → {b}({change}).",
  },
  "diff.peak": {
    en: "Peak resident: {a}, then {b} ({change}).",
    ko: "상주 최대: {a} → {b}({change}).",
  },
  "diff.figures": {en: "Figures side by side", ko: "수치 비교"},
  "diff.difference": {en: "difference", ko: "차이"},
  "diff.of_a": {en: "of A", ko: "A 대비"},
  "diff.new": {en: "new", ko: "새로 생김"},
  "diff.gone": {en: "gone", ko: "없어짐"},
  "diff.faults_head": {en: "Faults", ko: "폴트"},
  "diff.part": {en: "Part of the run", ko: "실행의 진행"},
  "diff.part_help": {
    en: "Each run from its own beginning to its own end, by references.",
    ko: "각 실행의 처음부터 끝까지를 참조 횟수 기준으로 맞추었습니다.",
  },
  "diff.curve_help": {
    en:
      "LRU and OPT are counted; for other policies Pagewright's core in this page plays a " +
      "sample of each recording, with the standard error as told.",
    ko:
      "LRU와 OPT는 정확한 값이고, 나머지 정책은 이 페이지 안의 Pagewright 코어가 각 기록의 표본으로 계산하며 표준 오차를 함께 " +
      "표시합니다.",
  },
  "diff.flame": {en: "Who touches more, who less", ko: "메모리를 더 쓰는 코드와 덜 쓰는 코드"},
  "diff.flame_help": {
    en:
      "Bytes touched first, by call stack. Red: B touches more there than A, blue: less, the " +
      "deeper the colour, the greater the part that changed. A path that B no longer has shows " +
      "in the widths of A.",
    ko:
      "처음 사용한 바이트를 호출 스택별로 나타냅니다. 빨강은 B가 더 많이, 파랑은 더 적게 사용한 곳이며 진할수록 변화 비율이 큽니다. B에서 " +
      "사라진 경로는 A 기준 너비에서 볼 수 있습니다.",
  },
  "diff.width_b": {en: "bytes of B", ko: "B의 바이트"},
  "diff.width_a": {en: "bytes of A", ko: "A의 바이트"},
  "diff.sites": {en: "Call sites", ko: "호출 위치"},
  "diff.site": {en: "Call site", ko: "호출 위치"},
  "diff.listed": {
    en: "The {n} that changed most, of {all}.",
    ko: "전체 {all}개 중 가장 많이 바뀐 {n}개.",
  },

  "figure.faults": {en: "page faults", ko: "페이지 폴트"},
  "figure.minor": {en: "minor faults (no device)", ko: "마이너 폴트(장치 없음)"},
  "figure.anonymous": {en: "new anonymous pages", ko: "새 익명 페이지"},
  "figure.zero_page": {en: "zero pages", ko: "제로 페이지"},
  "figure.file_mapped": {en: "file pages in cache", ko: "캐시에 있던 파일 페이지"},
  "figure.copy_on_write": {en: "copies on write", ko: "쓰기 시 복사"},
  "figure.major": {en: "major faults (device)", ko: "메이저 폴트(장치)"},
  "figure.swap_in": {en: "swapped in", ko: "스왑 인"},
  "figure.resident_peak_pages": {en: "peak resident", ko: "상주 메모리 최대"},
  "figure.mapped_peak_pages": {en: "peak mapped", ko: "매핑 최대"},
  "figure.table_peak_pages": {en: "page tables at the peak", ko: "페이지 테이블 최대"},
  "figure.pswpout": {en: "pages swapped out", ko: "스왑 아웃 페이지"},
  "figure.file_read": {en: "file pages read", ko: "읽은 파일 페이지"},
  "figure.processes_peak": {en: "processes at once", ko: "동시 프로세스"},
  "figure.forks": {en: "forks", ko: "fork 횟수"},
  "figure.slowdown_pages": {
    en: "memory for the slowdown allowed",
    ko: "허용한 느려짐에 필요한 메모리",
  },
  "figure.knee_pages": {en: "knee of the curve", ko: "곡선의 무릎"},
  "figure.fits_in_pages": {
    en: "memory that fetches every page once",
    ko: "모든 페이지를 한 번만 가져오는 메모리",
  },
  "figure.first_touches": {en: "memory touched", ko: "사용한 메모리"},
  "figure.references": {en: "references", ko: "참조"},
  "figure.walks": {en: "page walks", ko: "페이지 워크"},
  "figure.walk_references": {en: "table entries read", ko: "읽은 테이블 항목"},
  "figure.walk_ratio": {en: "walks of references", ko: "참조당 페이지 워크"},
  "figure.effective_access_ns": {en: "effective access time", ko: "실효 접근 시간"},
  "figure.kernel_ns": {en: "time in the kernel", ko: "커널 시간"},
  "figure.io_wait_ns": {en: "waiting for devices", ko: "장치 대기"},
  "figure.simulated_ns": {en: "the whole run", ko: "전체 실행 시간"},
};
