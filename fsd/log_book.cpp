// SPDX-License-Identifier: Apache-2.0
#include "fsd/log_book.h"

#include <algorithm>
#include <memory>

namespace bpfdump::fsd {

void LogBook::add_target(const std::string& target) {
  const std::scoped_lock lock(mutex_);
  directories_[target] = tree_.add_directory(directory_, target);
}

void LogBook::write(const DumperPath& path, std::string text) {
  constexpr std::size_t kOverhead = 512;  // about what a page costs beside its text
  const std::scoped_lock lock(mutex_);
  erase_locked(path);

  const std::size_t bytes = text.size() + kOverhead;
  const auto shared = std::make_shared<const std::string>(std::move(text));
  const auto content = [shared] { return *shared; };
  const Ino directory = directories_.at(path.target);
  if (!tree_.add_text_within(directory, path.scope, path.name, 0400, content))
    return;  // the name is a log that says why it is no scope, which it can't be
  pages_.push_back({path, bytes});
  index_[path] = std::prev(pages_.end());
  bytes_ += bytes;

  while (bytes_ > kMostBytes && pages_.size() > 1) {
    const DumperPath oldest = pages_.front().path;
    erase_locked(oldest);
  }
}

void LogBook::write_scope(const std::string& target, const std::string& scope, std::string text) {
  const std::scoped_lock lock(mutex_);
  const Ino directory = directories_.at(target);
  if (std::find(scopes_.begin(), scopes_.end(), std::pair(target, scope)) == scopes_.end())
    scopes_.emplace_back(target, scope);
  const auto shared = std::make_shared<const std::string>(std::move(text));
  tree_.add_text(directory, scope, 0400, [shared] { return *shared; });
  if (scopes_.size() <= kMostScopes) return;
  const auto& [old_target, old_scope] = scopes_.front();
  tree_.remove_text(directories_.at(old_target), old_scope);
  scopes_.pop_front();
}

void LogBook::erase(const DumperPath& path) {
  const std::scoped_lock lock(mutex_);
  erase_locked(path);
}

void LogBook::erase_locked(const DumperPath& path) {
  const auto at = index_.find(path);
  if (at == index_.end()) return;
  tree_.remove_text_within(directories_.at(path.target), path.scope, path.name);
  bytes_ -= at->second->bytes;
  pages_.erase(at->second);
  index_.erase(at);
}

}  // namespace bpfdump::fsd
