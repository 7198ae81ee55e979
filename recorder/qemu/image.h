/* What the process runs: its command line, as QEMU was given it, and its mappings, apart from
 * QEMU's own. SPDX-License-Identifier: Apache-2.0
 */
#ifndef PAGEWRIGHT_RECORDER_QEMU_IMAGE_H
#define PAGEWRIGHT_RECORDER_QEMU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads QEMU's command line. Called once, at the start. */
bool image_read_command(void);

/* The options that QEMU was started with, without the plugin's and those that belong to one program
 * only. */
char* const* image_qemu_options(unsigned* count);

/* The program's file, as named to QEMU. */
const char* image_program(void);

/* Host address of guest address 0; learned from the first block translated. */
void image_set_guest_base(uint64_t base);

/* Copies `length` bytes of the program's memory. False: not all are mapped. */
bool guest_read(uint64_t address, void* out, size_t length);

/* The string there, of at most `most` bytes with its NUL; to be freed. NULL: not mapped, longer, or
 * no memory. */
char* guest_read_text(uint64_t address, size_t most);

/* The result of a brk system call: where [heap] is. */
void image_note_brk(uint64_t end);

/* Writes the COMMAND and MAPS frames. */
void image_write(void);

/* Writes the START frame. */
void image_write_start(void);

/* The host's address of one of the program's. */
uint64_t image_host_address(uint64_t address);

#endif
