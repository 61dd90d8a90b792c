package bearer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
)

// knownAlgorithms are the signature algorithms that can be allowed, and which keys each
// takes. That a key fits is what keeps one algorithm from being confused with another.
var knownAlgorithms = map[string]func(crypto.PublicKey) bool{
	"RS256": isRSA, "RS384": isRSA, "RS512": isRSA,
	"PS256": isRSA, "PS384": isRSA, "PS512": isRSA,
	"ES256": isOn(elliptic.P256()), "ES384": isOn(elliptic.P384()), "ES512": isOn(elliptic.P521()),
	// EdDSA does not say which curve; RFC 9864 gives each a name of its own.
	"EdDSA": isEd25519, "Ed25519": isEd25519,
}

// saltHashes are the hashes of the algorithms whose signatures hold a salt. It is as
// long as the hash (RFC 7518, section 3.5).
var saltHashes = map[string]crypto.Hash{"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512}

// isFor reports whether a key that says it is for one algorithm is for another.
func isFor(said, algorithm string) bool {
	return said == "" || said == algorithm || isEdDSA(said) && isEdDSA(algorithm)
}

func isEdDSA(algorithm string) bool { return algorithm == "EdDSA" || algorithm == "Ed25519" }

func isRSA(key crypto.PublicKey) bool {
	_, ok := key.(*rsa.PublicKey)
	return ok
}

func isOn(curve elliptic.Curve) func(crypto.PublicKey) bool {
	return func(key crypto.PublicKey) bool {
		point, ok := key.(*ecdsa.PublicKey)
		return ok && point.Curve == curve
	}
}

func isEd25519(key crypto.PublicKey) bool {
	_, ok := key.(ed25519.PublicKey)
	return ok
}

// Sizes of RSA keys. Smaller ones are broken (RFC 7518, section 3.3); larger ones
// make a signature that is not even right cost more than it should.
const minRSABits, maxRSABits = 2048, 8192

// checkKey says what is wrong with a key, if anything.
func checkKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil {
			return errors.New("it is nil")
		}
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits is not between %d and %d", bits, minRSABits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if key == nil || key.Curve == nil || key.X == nil || key.Y == nil { //nolint:staticcheck // looked at only, so that ECDH does not panic
			return errors.New("it is nil")
		}
		if _, err := key.ECDH(); err != nil {
			return errors.New("it is not a point of its curve, or the curve is not one of NIST's")
		}
		return nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("an Ed25519 key has %d bytes, not %d", ed25519.PublicKeySize, len(key))
		}
		return nil
	default:
		return fmt.Errorf("%T is not a public key of a known kind", key)
	}
}
