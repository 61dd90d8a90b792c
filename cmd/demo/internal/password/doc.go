// Package password turns passwords into argon2id hashes and checks passwords
// against them.
//
// A hash costs 19 MiB of memory and some tens of milliseconds of a core, on
// purpose: that is what makes a stolen database slow to guess from. The same cost
// would let strangers exhaust a server that hashes for whoever asks, so a [Hasher]
// bounds how many hash at once and how many may wait, and refuses the rest with
// [ErrBusy].
package password
