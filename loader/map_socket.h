// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

struct map_socket;  // targets/bpf/map_rows.h

namespace bpfdump::loader {

/// Appends a socket as a JSON object, in the words of ss(8). What has no name is a number; "local"
/// and "peer" are of IP sockets only, and "peer" of those that have one.
void append_socket(const map_socket& socket, std::string& text);

}  // namespace bpfdump::loader
