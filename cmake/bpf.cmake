# BPF objects: one way to compile them, one way to put them into a program.
find_program(BPFDUMP_CLANG clang REQUIRED)
execute_process(COMMAND getconf PAGESIZE OUTPUT_VARIABLE BPFDUMP_PAGE_SIZE
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

# bpf_object(SOURCE OUTPUT): compiles a .bpf.c to a BPF object.
function(bpf_object source output)
  cmake_path(ABSOLUTE_PATH source)
  cmake_path(GET source PARENT_PATH folder)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${BPFDUMP_CLANG} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror
      -DBPFDUMP_PAGE_SIZE=${BPFDUMP_PAGE_SIZE} -I${folder} -MD -MF ${output}.d
      -c ${source} -o ${output}
    DEPENDS ${source}
    DEPFILE ${output}.d
    COMMENT "Compiling BPF object ${output}"
    VERBATIM)
endfunction()

# bpf_embed(OUTPUT PREFIX objects...): an assembler file with the objects' bytes between the symbols
# PREFIX_name and PREFIX_name_end, for name.bpf.o.
function(bpf_embed output prefix)
  set(text ".section .rodata\n")
  foreach(object IN LISTS ARGN)
    cmake_path(GET object FILENAME file)
    string(REPLACE ".bpf.o" "" name ${file})
    string(APPEND text
      ".balign 16\n.global ${prefix}_${name}\n${prefix}_${name}:\n.incbin \"${object}\"\n"
      ".global ${prefix}_${name}_end\n${prefix}_${name}_end:\n.byte 0\n")
  endforeach()
  string(APPEND text ".section .note.GNU-stack,\"\",%progbits\n")
  file(CONFIGURE OUTPUT ${output} CONTENT "${text}" @ONLY)
  set_source_files_properties(${output} PROPERTIES OBJECT_DEPENDS "${ARGN}")
endfunction()
