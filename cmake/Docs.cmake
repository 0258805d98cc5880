# Man pages, the installed documentation, and the target `docs`: HTML of the public headers, and the
# pictures of docs/explanation/architecture.md, to be copied there when they change.

# The man pages are made from the programs' own --help, so they cannot differ from the option table.
set(man_pages)
foreach(program pwf pwf_dist)
  set(page ${CMAKE_BINARY_DIR}/man/${program}.1)
  add_custom_command(OUTPUT ${page}
    COMMAND bash ${CMAKE_SOURCE_DIR}/cmake/man_page.sh $<TARGET_FILE:${program}> ${PROJECT_VERSION} ${page}
    DEPENDS ${program} ${CMAKE_SOURCE_DIR}/cmake/man_page.sh
    COMMENT "Man page of ${program}" VERBATIM)
  list(APPEND man_pages ${page})
endforeach()
add_custom_target(man ALL DEPENDS ${man_pages})
install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(FILES LICENSE README.md CHANGELOG.md CITATION.cff CONTRIBUTING.md SECURITY.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The sources are not installed: links to them become plain text, so that no installed link is broken.
install(CODE "set(PWF_DOCDIR \"${CMAKE_INSTALL_DOCDIR}\")")
install(CODE [[
  get_filename_component(folder "${PWF_DOCDIR}" ABSOLUTE BASE_DIR "${CMAKE_INSTALL_PREFIX}")
  file(GLOB_RECURSE pages "$ENV{DESTDIR}${folder}/*.md")
  foreach(page IN LISTS pages)
    file(READ "${page}" old)
    string(REGEX REPLACE "\\[([^]\n]*)\\]\\((\\.\\./)*(src|include|tests|cmake|jobs|slurm|configs)/[^)\n]*\\)" "\\1" new "${old}")
    if(NOT new STREQUAL old)
      file(WRITE "${page}" "${new}")
    endif()
  endforeach()
]])

find_program(DOXYGEN_PROGRAM doxygen)
find_program(DOT_PROGRAM dot)
if(DOXYGEN_PROGRAM)
  set(PWF_DOXYGEN_OUTPUT ${CMAKE_BINARY_DIR}/docs)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/Doxyfile.in ${CMAKE_BINARY_DIR}/Doxyfile @ONLY)
  add_custom_target(docs
    COMMAND ${DOXYGEN_PROGRAM} ${CMAKE_BINARY_DIR}/Doxyfile
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "HTML of the public headers: ${CMAKE_BINARY_DIR}/docs/html/index.html" VERBATIM)
  if(DOT_PROGRAM)
    add_custom_command(TARGET docs POST_BUILD
      COMMAND bash ${CMAKE_SOURCE_DIR}/cmake/room_graph.sh ${CMAKE_BINARY_DIR}/docs/architecture.svg
      COMMAND ${DOT_PROGRAM} -Tsvg docs/explanation/step.dot -o ${CMAKE_BINARY_DIR}/docs/step.svg
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
  endif()
endif()
