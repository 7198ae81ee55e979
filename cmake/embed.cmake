# pw_embed(TARGET NAME FILE): makes the bytes of FILE part of TARGET, as
#   namespace pw::embedded { extern const std::string_view NAME; }   // #include "embedded/NAME.hpp"
# The binary then needs no data folder beside it. The file is read again when it changes.
function(pw_embed target name file)
  get_filename_component(source ${file} ABSOLUTE)
  set(folder ${CMAKE_BINARY_DIR}/embedded)
  set(header ${folder}/embedded/${name}.hpp)
  set(unit ${folder}/${name}.cpp)
  add_custom_command(
    OUTPUT ${header} ${unit}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DSOURCE=${source} -DHEADER=${header} -DUNIT=${unit}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    DEPENDS ${source} ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${unit} ${header})
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
