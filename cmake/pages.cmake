# The pages of web/ as parts of the tool: pw_pages(TARGET) embeds report_html and explorer_html.
#
# With PW_PAGES they are built: the core for WebAssembly in a build of its own (preset wasm), then
# one HTML file for each page (web/build.mjs). That takes Node.js with npm, whose packages come over
# the network once, and clang for wasm32. Without PW_PAGES both are empty, and the tool says so.
option(PW_PAGES "Build the HTML pages and put them into the tool (npm, clang for wasm32)" OFF)
option(PW_PAGES_TESTS "Install what the tests of the pages need, too" OFF)

set(PW_PAGE_NAMES report explorer)

function(pw_build_pages folder)
  find_program(PW_NPM npm REQUIRED)
  find_program(PW_NODE NAMES node nodejs REQUIRED)
  set(web ${PROJECT_SOURCE_DIR}/web)
  set(wasm ${CMAKE_BINARY_DIR}/wasm)
  set(cores)
  set(pages)
  foreach(page IN LISTS PW_PAGE_NAMES)
    list(APPEND cores ${wasm}/pages/${page}.wasm)
    list(APPEND pages ${folder}/${page}.html)
  endforeach()

  # What the core consists of is known to the other build alone: it is asked each time.
  if(NOT EXISTS ${wasm}/build.ninja)
    execute_process(COMMAND ${CMAKE_COMMAND} --preset wasm -B ${wasm}
                    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_QUIET
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()
  add_custom_target(page_cores COMMAND ${CMAKE_MAKE_PROGRAM} -C ${wasm} --quiet ${PW_PAGE_NAMES}
                    BYPRODUCTS ${cores} COMMENT "The core for the pages" VERBATIM)

  set(packages ${folder}/packages.stamp)
  set(omit --omit=dev)
  if(PW_PAGES_TESTS)
    set(packages ${folder}/packages_for_tests.stamp)
    set(omit)
  endif()
  # Not `npm ci`: it wants every package of other systems, too, which some registries don't have.
  add_custom_command(
    OUTPUT ${packages}
    COMMAND ${PW_NPM} install --no-save ${omit} --ignore-scripts --no-audit --no-fund
            --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${packages}
    DEPENDS ${web}/package.json ${web}/package-lock.json
    WORKING_DIRECTORY ${web} COMMENT "npm install in web/" VERBATIM)

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/* ${web}/html/*)
  add_custom_command(
    OUTPUT ${pages}
    COMMAND ${PW_NODE} build.mjs --core ${wasm}/pages --out ${folder}
    DEPENDS page_cores ${cores} ${packages} ${sources} ${web}/build.mjs
    WORKING_DIRECTORY ${web} COMMENT "The pages" VERBATIM)
endfunction()

function(pw_pages target)
  set(folder ${CMAKE_BINARY_DIR}/pages)
  if(PW_PAGES)
    pw_build_pages(${folder})
  else()
    set(folder ${CMAKE_BINARY_DIR}/no_pages)
    file(MAKE_DIRECTORY ${folder})
    foreach(page IN LISTS PW_PAGE_NAMES)
      file(TOUCH ${folder}/${page}.html)
    endforeach()
  endif()
  foreach(page IN LISTS PW_PAGE_NAMES)
    pw_embed(${target} ${page}_html ${folder}/${page}.html)
  endforeach()
endfunction()
