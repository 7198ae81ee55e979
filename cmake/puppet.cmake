# pw_puppet(FILE): builds the program of the host's processes (ports/host/puppet), a piece of code
# without libraries, as FILE. Always with the same options: no build type and no sanitizer has a
# place in a process under observation.
function(pw_puppet file)
  set(folder ${PROJECT_SOURCE_DIR}/ports/host/puppet)
  set(sources ${folder}/start.c ${folder}/puppet.c ${folder}/keeper.c)
  add_custom_command(
    OUTPUT ${file}
    COMMAND ${CMAKE_C_COMPILER} -std=c11 -O2 -ffreestanding -fPIE -fvisibility=hidden
            -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-builtin
            -fno-jump-tables -mgeneral-regs-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion
            -I${PROJECT_SOURCE_DIR} ${sources} -o ${file}
            -nostdlib -static -Wl,-T,${folder}/puppet.ld -Wl,--oformat=binary
            -Wl,--build-id=none -Wl,-z,noexecstack
    DEPENDS ${sources} ${folder}/puppet.h ${folder}/raw.h ${folder}/channel.h ${folder}/puppet.ld
    VERBATIM)
endfunction()
