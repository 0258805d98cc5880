# How a room is built. One static library pwf_<room> per folder of src/; NEEDS is the layer graph.

add_library(pwf_flags INTERFACE)
target_compile_definitions(pwf_flags INTERFACE _POSIX_C_SOURCE=200809L
                           PWF_VERSION="${PROJECT_VERSION}"
                           $<$<BOOL:${PWF_FAULTS}>:PWF_FAULTS>)
# The numerics contract: no contraction, no re-association, no -march. The two -fno- options only
# drop errno and trap bookkeeping, which changes no result and lets loops vectorise.
target_compile_options(pwf_flags INTERFACE
  -ffp-contract=off -fno-math-errno -fno-trapping-math
  -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/= -fmacro-prefix-map=../=
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  $<$<BOOL:${PWF_WERROR}>:-Werror>
  -fstack-protector-strong -fPIE
  $<$<CONFIG:Release>:-O3>)
target_link_options(pwf_flags INTERFACE -pie -Wl,-z,relro,-z,now)
if(PWF_SANITIZE)
  target_compile_options(pwf_flags INTERFACE -fsanitize=${PWF_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all
                         # clang does not vectorise instrumented loops, and warns about each
                         $<$<C_COMPILER_ID:Clang>:-Wno-pass-failed>)
  target_link_options(pwf_flags INTERFACE -fsanitize=${PWF_SANITIZE})
else()
  target_compile_definitions(pwf_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()

set(PWF_ISA_FLAGS_base "")
set(PWF_ISA_FLAGS_avx2 -mavx2 -mfma -mbmi -mbmi2)
set(PWF_ISA_FLAGS_avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mbmi -mbmi2
                         -mprefer-vector-width=512)

set(PWF_ISA_FLAGS_avx512bf16 ${PWF_ISA_FLAGS_avx512} -mavx512bf16)

# pwf_room(NAME SOURCES a.c ... [KERNELS k.c ...] [KERNELS_BF16 k.c ...] [NEEDS room ...]
#          [FOREIGN target ...])
# KERNELS are compiled once per instruction set, with PWF_ISA set to its name; see core/isa.h.
# KERNELS_BF16, some of them, once more for AVX512_BF16.
#
# Each room has an include folder of its own in the build tree, which holds only pwf/<room>/. A file
# sees the headers of its room and of the rooms that NEEDS reaches; any other include fails.
function(pwf_room room)
  cmake_parse_arguments(A "" "" "SOURCES;KERNELS;KERNELS_BF16;NEEDS;FOREIGN" ${ARGN})
  add_library(pwf_${room} STATIC ${A_SOURCES})
  set(headers ${CMAKE_BINARY_DIR}/rooms/${room})
  file(MAKE_DIRECTORY ${headers}/pwf)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/include/pwf/${room} ${headers}/pwf/${room} SYMBOLIC)
  list(TRANSFORM A_NEEDS PREPEND pwf_ OUTPUT_VARIABLE needs)
  target_include_directories(pwf_${room} PUBLIC ${headers} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(pwf_${room} PUBLIC pwf_flags ${needs})
  target_link_libraries(pwf_${room} PRIVATE ${A_FOREIGN})
  set(isas)
  if(A_KERNELS)
    list(APPEND isas base avx2 avx512)
  endif()
  if(A_KERNELS_BF16)
    list(APPEND isas avx512bf16)
  endif()
  foreach(isa ${isas})
    set(objects pwf_${room}_${isa})
    if(isa STREQUAL avx512bf16)
      add_library(${objects} OBJECT ${A_KERNELS_BF16})
    else()
      add_library(${objects} OBJECT ${A_KERNELS})
    endif()
    target_include_directories(${objects} PRIVATE ${headers} ${CMAKE_CURRENT_SOURCE_DIR})
    target_compile_definitions(${objects} PRIVATE PWF_ISA=${isa})
    target_compile_options(${objects} PRIVATE ${PWF_ISA_FLAGS_${isa}})
    target_link_libraries(${objects} PRIVATE pwf_flags ${needs})
    target_sources(pwf_${room} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
