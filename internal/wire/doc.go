// Package wire counts what decoding a protobuf message would make, before it is
// decoded.
//
// A few bytes on the wire become many in memory: each `0a 00` of a repeated field
// makes a message, and each `{},` of its JSON form does too. So the size of a
// message says little about what decoding it costs. A [Counter] walks the encoded
// message by the descriptor of the type that it is to be decoded into, in time
// linear in its length and without allocating, and never counts less than decoding
// makes.
package wire
