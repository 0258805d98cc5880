/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the versions of the program, of its libraries and of its kernels, for --version of both
 * programs. Called by the mains, in one process, before MPI starts; the library versions are
 * available without it. Prints to the standard output only. */
#include "app.h"

#include "pwf/core/isa.h"
#include "pwf/h5/library.h"
#include "pwf/tensor/tensor.h"

#include <stdio.h>

void pwf_app_print_version(const char *program)
{
    printf("%s %s\n", program, PWF_VERSION);
    printf("  MPI              %s\n", pwf_mesh_library());
    printf("  checkpoints      %s\n", pwf_h5_library());
    printf("  settings         libyaml %s\n", pwf_config_library());
    printf("  matrix products  %s\n", pwf_tensor_backend_text(PWF_TENSOR_AUTO).text);
    printf("  own kernels      %s (this machine has %s)\n", pwf_isa_name(pwf_isa_now()),
           pwf_isa_name(pwf_isa_best()));
}
