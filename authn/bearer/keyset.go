package bearer

import (
	"crypto"
	"errors"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// A keySet is the keys of an issuer by their ids. It never changes.
type keySet map[string][]issuerKey

// issuerKey is a key, and the one algorithm it is for: "" where it does not say.
type issuerKey struct {
	public    crypto.PublicKey
	algorithm string
}

// find returns the key with the id that is for the algorithm. Where there are two, it
// is not clear which is meant, and none is found.
func (s keySet) find(keyID, algorithm string) (crypto.PublicKey, bool) {
	fits, ok := knownAlgorithms[algorithm]
	if !ok {
		return nil, false
	}
	var found crypto.PublicKey
	for _, key := range s[keyID] {
		if !fits(key.public) || !isFor(key.algorithm, algorithm) {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = key.public
	}
	return found, found != nil
}

// parseKeySet reads a JWK Set. Keys that are of no use here are passed over, as RFC
// 7517, section 5, asks for: of an unknown kind, symmetric, private, not for
// signatures, without an id, too weak.
func parseKeySet(text []byte) (keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, errors.New("the key set is not JSON")
	}
	if document.Keys == nil {
		return nil, errors.New("the key set has no list of keys")
	}
	keys := make(keySet, len(document.Keys))
	for _, text := range document.Keys {
		if keyID, key, ok := parseKey(text); ok {
			keys[keyID] = append(keys[keyID], key)
		}
	}
	return keys, nil
}

func parseKey(text []byte) (keyID string, key issuerKey, ok bool) {
	var operations struct {
		KeyOps []string `json:"key_ops"`
	}
	var parsed jose.JSONWebKey
	if json.Unmarshal(text, &operations) != nil || parsed.UnmarshalJSON(text) != nil {
		return "", issuerKey{}, false
	}
	for _, operation := range operations.KeyOps {
		ok = ok || operation == "verify"
	}
	ok = ok || operations.KeyOps == nil
	ok = ok && parsed.KeyID != "" && (parsed.Use == "" || parsed.Use == "sig") && checkKey(parsed.Key) == nil
	return parsed.KeyID, issuerKey{public: parsed.Key, algorithm: parsed.Algorithm}, ok
}
