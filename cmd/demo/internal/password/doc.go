// Package password turns passwords into argon2id hashes and checks passwords against
// them.
//
// A hash costs 19 MiB of memory and some tens of milliseconds of a core, on purpose: that
// makes a stolen database slow to guess from. The same cost would let strangers exhaust a
// server that hashes on demand. So a [Hasher] limits how many passwords are hashed at
// once and how many wait, and lets those that wait take turns: by address, then by
// account. Where too many wait, it turns the newest away at the address that has the
// most, with [ErrBusy].
//
// Guessing at an account is slowed: after 10 wrong passwords there is one guess a second,
// over all addresses together, and addresses take turns in that as well. An account is
// never locked: its user has a turn after at most one guess of each other address, and
// from a device that signed in before, without waiting for the guesses of strangers. What
// remains is that more than 30 addresses that keep guessing at one account can delay a
// new device of its user, and that a new device shares its turns with those who guess at
// the same account from the same address.
package password
