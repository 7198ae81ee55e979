/* The smallest program with a C library: built dynamic, static and position-independent static. */
int main(void) { return 0; }
