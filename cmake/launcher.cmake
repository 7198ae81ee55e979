# pw_launcher(FILE): builds the program that starts measured programs (ports/host/launcher), an
# ordinary executable without libraries, as FILE. Always with the same options: what it touches
# before it starts a program is part of the measurement.
function(pw_launcher file)
  set(folder ${PROJECT_SOURCE_DIR}/ports/host/launcher)
  add_custom_command(
    OUTPUT ${file}
    COMMAND ${CMAKE_C_COMPILER} -std=c11 -O2 -ffreestanding -fno-pie -fno-stack-protector
            -fcf-protection=none -fno-asynchronous-unwind-tables -fno-builtin -fno-jump-tables
            -mgeneral-regs-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion
            -I${PROJECT_SOURCE_DIR} ${folder}/launcher.c -o ${file}
            -nostdlib -static -no-pie -s -Wl,--build-id=none -Wl,-z,noexecstack
    DEPENDS ${folder}/launcher.c ${folder}/channel.h
            ${PROJECT_SOURCE_DIR}/ports/host/puppet/raw.h
    VERBATIM)
endfunction()
