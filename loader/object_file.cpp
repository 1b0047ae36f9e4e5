// SPDX-License-Identifier: Apache-2.0
#include "loader/object_file.h"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace bpfdump::loader {
namespace {

using base::fail;
using base::Result;

constexpr unsigned char kOurData =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

// A map's initial value is not in the file: bound what a few bytes can make libbpf allocate.
constexpr std::uint64_t kMostBss = 64ULL << 20;

bool is_text(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(),
                     bytes.begin() + std::min<std::ptrdiff_t>(std::ssize(bytes), 512),
                     [](std::byte b) {
                       const auto c = std::to_integer<unsigned char>(b);
                       return c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t' || c == '\r';
                     });
}

Result<Elf64_Ehdr> read_header(std::span<const std::byte> bytes) {
  if (bytes.empty()) return fail(ENOEXEC, "the source is empty; write a compiled BPF object");
  if (bytes.size() < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) {
    return fail(ENOEXEC, "{}, not a BPF object; compile with: clang -g -O2 -target bpf -c",
                is_text(bytes) ? "this is text" : "these are unknown bytes");
  }
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header))
    return fail(EINVAL, "the object is cut short: {} bytes are less than an ELF header",
                bytes.size());
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != kOurData ||
      header.e_machine != EM_BPF) {
    return fail(ENOEXEC,
                "this is an ELF file for machine {}, not for BPF ({}) in this host's byte order; "
                "compile with: clang -g -O2 -target bpf -c",
                header.e_machine, EM_BPF);
  }
  if (header.e_type != ET_REL)
    return fail(EINVAL, "this ELF file is of type {}, not a relocatable object ({})", header.e_type,
                ET_REL);
  return header;
}

bool lies_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

Result<std::vector<Elf64_Shdr>> read_sections(std::span<const std::byte> bytes,
                                              const Elf64_Ehdr& header) {
  if (header.e_shnum == 0 || header.e_shentsize != sizeof(Elf64_Shdr))
    return fail(EINVAL, "the object is malformed: it has no table of sections");
  const std::uint64_t size = std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
  if (!lies_inside(header.e_shoff, size, bytes.size())) {
    return fail(EINVAL, "the object is cut short: its table of sections is to end at byte {} of {}",
                header.e_shoff + size, bytes.size());
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), bytes.data() + header.e_shoff, size);
  return sections;
}

Result<void> check_section(std::span<const std::byte> bytes,
                           const std::vector<Elf64_Shdr>& sections, std::size_t index) {
  const Elf64_Shdr& section = sections[index];
  if (section.sh_type == SHT_NULL) return {};
  if (section.sh_type == SHT_NOBITS) {
    if (section.sh_size > kMostBss)
      return fail(EINVAL, "section {} wants {} bytes of zeroes; at most {} are allowed", index,
                  section.sh_size, kMostBss);
    return {};
  }
  if (!lies_inside(section.sh_offset, section.sh_size, bytes.size())) {
    return fail(EINVAL, "the object is cut short: section {} is to end at byte {} of {}", index,
                section.sh_offset + section.sh_size, bytes.size());
  }
  if (section.sh_link >= sections.size())
    return fail(EINVAL, "the object is malformed: section {} refers to section {} of {}", index,
                section.sh_link, sections.size());
  if (section.sh_type == SHT_STRTAB && section.sh_size > 0 &&
      bytes[section.sh_offset + section.sh_size - 1] != std::byte{0})
    return fail(EINVAL, "the object is malformed: string table {} has no end", index);
  const bool symbols = section.sh_type == SHT_SYMTAB;
  if ((symbols && section.sh_entsize != sizeof(Elf64_Sym)) ||
      (section.sh_type == SHT_REL &&
       (section.sh_entsize != sizeof(Elf64_Rel) || section.sh_info >= sections.size())))
    return fail(EINVAL, "the object is malformed: table {} has entries of {} bytes", index,
                section.sh_entsize);
  return {};
}

}  // namespace

Result<void> check_object_file(std::span<const std::byte> bytes) {
  const auto header = read_header(bytes);
  if (!header) return base::Failure(header.error());
  const auto sections = read_sections(bytes, *header);
  if (!sections) return base::Failure(sections.error());
  if (header->e_shstrndx >= sections->size() ||
      (*sections)[header->e_shstrndx].sh_type != SHT_STRTAB)
    return fail(EINVAL, "the object is malformed: its sections have no names");
  for (std::size_t index = 0; index < sections->size(); ++index) {
    if (auto checked = check_section(bytes, *sections, index); !checked) return checked;
  }
  return {};
}

std::vector<std::span<const std::byte>> sections_named(std::span<const std::byte> object,
                                                       std::string_view name) {
  std::vector<std::span<const std::byte>> found;
  const auto header = read_header(object);
  const auto sections = header ? read_sections(object, *header) : base::Failure(header.error());
  if (!sections) return found;
  const Elf64_Shdr& table = (*sections)[header->e_shstrndx];
  const std::string_view names(reinterpret_cast<const char*>(object.data()) + table.sh_offset,
                               table.sh_size);
  for (const Elf64_Shdr& section : *sections) {
    if (section.sh_type == SHT_NULL || section.sh_type == SHT_NOBITS ||
        section.sh_name >= names.size())
      continue;
    if (names.substr(section.sh_name, names.find('\0', section.sh_name) - section.sh_name) == name)
      found.push_back(object.subspan(section.sh_offset, section.sh_size));
  }
  return found;
}

}  // namespace bpfdump::loader
