# Run by pw_embed at build time: NAME, SOURCE -> HEADER, UNIT.
file(READ ${SOURCE} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${HEADER} "// Made by the build.\n#pragma once\n\n#include <string_view>\n\n"
     "namespace pw::embedded {\nextern const std::string_view ${NAME};\n}\n")
file(WRITE ${UNIT} "#include \"embedded/${NAME}.hpp\"\n\nnamespace pw::embedded {\n"
     "static const char k${NAME}[] = {${bytes}'\\0'};\n"
     "const std::string_view ${NAME}(k${NAME}, ${size});\n}\n")
