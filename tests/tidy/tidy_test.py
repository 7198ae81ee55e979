#!/usr/bin/env python3
"""Proves that every rule of tidy.py can fail, and that it lets good code pass."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402  (beside this file)

HEADER = "// What it is for.\n#pragma once\n"


def messages(files):
    return [f"{path}:{number}: {message}" for path, number, message in tidy.findings(files)]


class Tidy(unittest.TestCase):
    def finds(self, path, text, part, others=()):
        found = messages({path: text, **dict(others)})
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def passes(self, path, text, others=()):
        self.assertEqual(messages({path: text, **dict(others)}), [])

    def test_a_room_may_not_include_a_later_room(self):
        later = [("src/fault/handler.hpp", HEADER)]
        self.finds("src/space/mmap.cpp", '#include "fault/handler.hpp"\n', "src/fault", later)
        self.passes("src/reclaim/direct.cpp", '#include "fault/handler.hpp"\n', later)

    def test_rooms_of_one_level_do_not_know_each_other(self):
        other = [("src/numa/node.hpp", HEADER)]
        self.finds("src/huge/collapse.cpp", '#include "numa/node.hpp"\n', "src/numa", other)

    def test_the_core_knows_of_the_simulated_cpu_only_its_values(self):
        ports = [("ports/sim/tlb.hpp", HEADER), ("ports/sim/geometry.hpp", HEADER)]
        self.finds("src/proc/exec.cpp", '#include "ports/sim/tlb.hpp"\n', "ports/sim", ports)
        self.passes("src/proc/exec.cpp", '#include "ports/sim/geometry.hpp"\n', ports)
        self.passes("src/machine/machine.cpp", '#include "ports/sim/tlb.hpp"\n', ports)

    def test_policies_know_only_base(self):
        other = [("src/port/device.hpp", HEADER), ("src/base/units.hpp", HEADER)]
        self.finds("src/policy/arc.hpp", HEADER + '#include "port/device.hpp"\n', "src/port", other)
        self.passes("src/policy/arc.hpp", HEADER + '#include "base/units.hpp"\n', other)

    def test_lengths_of_files_and_lines(self):
        self.finds("src/base/a.cpp", "\n" * 501, "501 lines")
        self.passes("src/base/a.cpp", "\n" * 500)
        self.finds("tools/a.cpp", "//" + "x" * 99 + "\n", "101 columns")
        self.passes("tools/a.cpp", "//" + "x" * 98 + "\n")
        self.finds("test", "#!/bin/bash\n#" + "x" * 100 + "\n", "101 columns")

    def test_length_of_a_function(self):
        body = "  step();\n"
        self.finds("tools/a.cpp", "int f(int a,\n      int b) {\n" + body * 68 + "}\n", "71 lines")
        self.passes("tools/a.cpp", "int f(int a,\n      int b) {\n" + body * 67 + "}\n")

    def test_functions_are_found_where_they_hide(self):
        body = "  step();\n" * 70
        for head in (
            "class A {\n public:\n  int f() const {\n{0}  }\n};\n",
            "namespace a {\nnamespace {\ntemplate <class T>\nvoid f(T) {\n{0}}\n}\n}\n",
            "A::A(int x) : a_{x}, b_(x) {\n{0}}\n",
            "struct A {\n  A() : b{1},\n        c{2} {\n{0}  }\n  int b{0}, c{0};\n};\n",
            "const char k = '{';\nauto f() -> int {\n{0}}\n",
            'const char* k = "}{";  // {\nbool operator==(A a, A b) {\n{0}}\n',
            "static int f(void)\n{\n{0}}\n",
        ):
            found = messages({"tools/a.cpp": head.replace("{0}", body)})
            self.assertEqual(len(found), 1, (head, found))
            self.assertIn("a function of", found[0])

    def test_what_stands_before_a_function_is_not_counted(self):
        body = "  step();\n" * 68
        for before in (" public:\n", "  // Why.\n" * 9, "int a;\n\n\n"):
            text = "class A {\n" + before + "  int f() {\n" + body + "  }\n};\n"
            self.passes("tools/a.cpp", text)

    def test_tables_and_types_are_not_functions(self):
        rows = "  {1, 2},\n" * 100
        self.passes("tools/a.cpp", "namespace a {\nconst int k[] = {\n" + rows + "};\n}\n")
        self.passes("tools/a.cpp", "class A {\n" + "  int f(int a);\n" * 100 + "};\n")
        self.passes("tools/a.cpp", "enum class E {\n" + "  A,\n" * 100 + "};\n")

    def test_words_that_say_unfinished(self):
        for word in ("TO" "DO", "FIX" "ME", "ha" "ck", "st" "ub", "Place" "holder", "for" " now",
                     "not imple" "mented"):
            self.finds("docs/a.md", f"this is {word}, really\n", word)
        self.passes("docs/a.md", "stubborn hackney\n")

    def test_paths_of_one_machine(self):
        self.finds("docs/a.md", "see /wo" "rk/main/x\n", "a path of one machine")

    def test_the_core_has_no_exceptions_threads_or_streams(self):
        self.finds("src/fault/a.cpp", "void f() { throw 1; }\n", '"throw"')
        self.finds("src/base/a.cpp", "#include <thread>\n", '"thread"')
        self.passes("src/fault/a.cpp", "// throw\nconst char* a = \"try\";\n")
        self.passes("src/record/a.cpp", "void f() { throw 1; }\n")

    def test_the_core_has_no_ranges(self):
        self.finds("src/fault/a.cpp", "auto a = std::ranges::find(b, c);\n", "take std::find")
        self.passes("src/record/a.cpp", "auto a = std::ranges::find(b, c);\n")

    def test_a_header_opens_with_a_comment(self):
        self.finds("src/base/a.hpp", "#pragma once\n", "opens with a comment")
        self.passes("src/base/a.hpp", HEADER)

    def test_status_rows_that_work_name_a_test_that_exists(self):
        row = "| AS1 | spaces | {} | {} |\n"
        test = [("tests/unit/a_test.cpp", "")]
        self.passes("docs/STATUS.md", row.format("works", "`tests/unit/a_test.cpp`"), test)
        self.passes("docs/STATUS.md", row.format("not yet", ""), test)
        self.finds("docs/STATUS.md", row.format("works", ""), "names no test", test)
        self.finds("docs/STATUS.md", row.format("works", "`tests/b.cpp`"), "does not exist", test)
        self.finds("docs/STATUS.md", row.format("perhaps", ""), "the state is", test)


if __name__ == "__main__":
    unittest.main()
