package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what one hash takes.
type cost struct {
	memory uint32 // in KiB
	time   uint32 // passes over the memory
	lanes  uint8
}

// The first choice of the OWASP Password Storage Cheat Sheet for argon2id that
// needs no more than 19 MiB.
var recommended = cost{memory: 19 * 1024, time: 2, lanes: 1}

// dearest is the highest cost of a stored hash that is accepted. Write access to the store
// must not be enough to use up the server's memory.
var dearest = cost{memory: 64 * 1024, time: 10, lanes: 4}

const (
	saltLength = 16
	keyLength  = 32
	// maxLength is more than the longest hash that parse takes.
	maxLength = 256
)

// errUnreadable does not repeat the hash, because the error ends in a log.
var errUnreadable = errors.New("stored password hash is unreadable or asks for too much")

// encoded is a hash with its salt and its cost.
type encoded struct {
	cost
	salt, key []byte
}

// String returns the PHC string format of e.
func (e encoded) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, e.memory, e.time, e.lanes,
		base64.RawStdEncoding.EncodeToString(e.salt), base64.RawStdEncoding.EncodeToString(e.key))
}

// parse reads what String writes and nothing else, so that a hash has one spelling.
func parse(text string) (encoded, error) {
	fields := strings.Split(text[:min(len(text), maxLength)], "$")
	if len(text) >= maxLength || len(fields) != 6 ||
		fields[0] != "" || fields[1] != "argon2id" || fields[2] != "v="+strconv.Itoa(argon2.Version) {
		return encoded{}, errUnreadable
	}
	parameters := strings.Split(fields[3], ",")
	if len(parameters) != 3 {
		return encoded{}, errUnreadable
	}
	memory, okMemory := parameter(parameters[0], "m=", dearest.memory)
	time, okTime := parameter(parameters[1], "t=", dearest.time)
	lanes, okLanes := parameter(parameters[2], "p=", uint32(dearest.lanes))
	salt, okSalt := binary(fields[4])
	key, okKey := binary(fields[5])
	// RFC 9106, section 3.1: at least 8 KiB for each lane.
	if !okMemory || !okTime || !okLanes || !okSalt || !okKey || memory < 8*lanes {
		return encoded{}, errUnreadable
	}
	return encoded{
		cost: cost{memory: memory, time: time, lanes: uint8(lanes)}, //nolint:gosec // dearest has at most 4.
		salt: salt,
		key:  key,
	}, nil
}

// parameter reads a number from 1 to most, as strconv would write it.
func parameter(text, prefix string, most uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(text, prefix)
	number, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || number < 1 || number > uint64(most) || strconv.FormatUint(number, 10) != digits {
		return 0, false
	}
	return uint32(number), true
}

// binary reads 16 to 64 bytes, none of whose padding bits is set.
func binary(text string) ([]byte, bool) {
	// The decoder would pass over line breaks.
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	value, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return value, err == nil && len(value) >= 16 && len(value) <= 64
}
