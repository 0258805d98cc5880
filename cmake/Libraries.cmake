# The foreign libraries, all from the distribution or from modules that provide pkg-config files.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_path(RANDOM123_INCLUDE Random123/philox.h REQUIRED)

foreach(pair yaml:yaml-0.1 jansson:jansson xxhash:libxxhash zlib:zlib openblas:openblas
             jpeg:libjpeg png:libpng)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
  add_library(foreign_${name} ALIAS PkgConfig::${name})
endforeach()

# Debian names the parallel build hdf5-openmpi; module trees usually say just hdf5.
pkg_search_module(hdf5 REQUIRED IMPORTED_TARGET hdf5-openmpi hdf5)
add_library(foreign_hdf5 ALIAS PkgConfig::hdf5)

add_library(foreign_random123 INTERFACE)
target_include_directories(foreign_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE})
add_library(foreign_mpi ALIAS MPI::MPI_C)

# oneDNN's own CMake file asks for OpenCL, which nothing here uses.
find_path(DNNL_INCLUDE oneapi/dnnl/dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(foreign_dnnl INTERFACE)
target_include_directories(foreign_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE})
target_link_libraries(foreign_dnnl INTERFACE ${DNNL_LIBRARY})

# oneDNN runs on GNU OpenMP; the tensor room tells it to use one thread per call.
add_library(foreign_gomp INTERFACE)
target_link_libraries(foreign_gomp INTERFACE -lgomp)
