// Carries the headers that every test includes, precompiled (see tests/CMakeLists.txt).
