// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "targets/scope.h"

struct bpf_object;  // libbpf's

namespace bpfdump::loader {

/// Gives const volatile variables of an object that is open and not yet loaded their values: whole
/// numbers (decimal, 0x... or negative), true and false, a character's number, the name or number
/// of an enum's value, and text for arrays of char.
/// EINVAL: the object has no such variable, or the value is none of its type; the message says what
/// there is.
[[nodiscard]] base::Result<void> set_variables(bpf_object* object,
                                               const std::vector<targets::Variable>& variables);

}  // namespace bpfdump::loader
