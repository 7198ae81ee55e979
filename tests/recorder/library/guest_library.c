/* A library to load, with data of its own: Valgrind reads what has both. */
int guest_library_counter = 1;

int guest_library_count(void);

int guest_library_count(void) { return ++guest_library_counter; }
