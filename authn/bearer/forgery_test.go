package bearer_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A forgery is a token that must be refused.
type forgery struct{ name, token string }

// A forger makes forgeries of the tokens by one signer, which are good but for what
// is to be refused.
type forger struct {
	signer

	issuer string
	trap   string // an address that must not be asked
	now    time.Time
	made   []forgery
}

func (f *forger) add(token, name string, args ...any) {
	f.made = append(f.made, forgery{fmt.Sprintf(name, args...), token})
}

func (f *forger) good() string { return f.token(f.issuer, f.now) }

// header adds a token with another header, rightly signed.
func (f *forger) header(change fields) {
	f.add(f.sign(f.goodHeader().with(change).json(), goodClaims(f.issuer, f.now).json()), "header %s", show(change))
}

// claims adds a token with other claims, rightly signed.
func (f *forger) claims(change fields) {
	f.add(f.sign(f.goodHeader().json(), goodClaims(f.issuer, f.now).with(change).json()), "claims %s", show(change))
}

func show(change fields) string {
	text := fmt.Sprintf("%v", map[string]any(change))
	return text[:min(len(text), 60)]
}

// ill are values of a wrong JSON type for most claims and header parameters.
func ill() []any {
	return []any{nil, true, false, 7, -1, 1.5, []any{}, []any{"x", 7}, []any{[]any{}}, fields{}, fields{"x": "y"}}
}

// forgeries are all classes, each with its neighbours.
func forgeries(issuer *provider, trap string, key signer, other signer, now time.Time) []forgery {
	f := &forger{signer: key, issuer: issuer.URL, trap: trap, now: now}
	f.algorithms(other)
	f.keyIDs(other)
	f.keysOfTheirOwn(other)
	f.types()
	f.identities()
	f.times()
	f.twice()
	f.shapes()
	f.signatures(other)
	f.spellings()
	f.encrypted()
	return f.made
}

// algorithms: none, other spellings, symmetric ones by what is public, ones of
// another key.
func (f *forger) algorithms(other signer) {
	for _, name := range []string{
		"none", "None", "NONE", "nOnE", "none ", "", "es256", "Es256", "ES256 ", " ES256", "ES-256", "ES256\x00",
		"ES256K", "ES384", "ES512", "RS256", "PS256", "EdDSA", "Ed25519", "HS256", "HS384", "HS512", "RS1", "dir", "A128KW", "ML-DSA-44",
	} {
		f.header(fields{"alg": name})
		header, payload := encode(f.goodHeader().with(fields{"alg": name}).json()), encode(goodClaims(f.issuer, f.now).json())
		f.add(header+"."+payload+".", "alg %q with no signature", name)
		f.add(header+"."+payload+"."+encode([]byte{0}), "alg %q with a byte for a signature", name)
	}
	f.header(fields{"alg": absent})
	for _, value := range ill() {
		f.header(fields{"alg": value})
	}
	for _, signer := range []signer{f.signer, other} {
		for name, secret := range publicForms(signer) {
			for algorithm, hash := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
				input := encode(fields{"alg": algorithm, "kid": signer.id}.json()) + "." + encode(goodClaims(f.issuer, f.now).json())
				mac := hmac.New(hash, secret)
				mac.Write([]byte(input))
				f.add(input+"."+encode(mac.Sum(nil)), "%s by the public %s as %s", algorithm, signer.algorithm, name)
			}
		}
	}
	// Both are on one RSA key, which is published for RS256 alone.
	pss := signer{other.id, jose.PS256, other.private}
	f.add(pss.token(f.issuer, f.now), "PS256 by a key for RS256")
}

// publicForms are the texts that could be taken for a shared secret.
func publicForms(s signer) map[string][]byte {
	der := must(x509.MarshalPKIXPublicKey(s.private.Public()))
	forms := map[string][]byte{
		"nothing": {}, "DER": der,
		"PEM":                    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"PEM without its end":    []byte(strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))),
		"a key of the key set":   must(json.Marshal(s.public())),
		"the id":                 []byte(s.id),
		"the algorithm, in text": []byte(s.algorithm),
	}
	if key, ok := s.private.Public().(*rsa.PublicKey); ok {
		forms["PKCS #1"] = x509.MarshalPKCS1PublicKey(key)
		forms["PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(key)})
		forms["modulus"] = key.N.Bytes()
	}
	return forms
}

// keyIDs: missing, unknown, with a path, of another type, of another key.
func (f *forger) keyIDs(other signer) {
	f.header(fields{"kid": absent})
	for _, id := range []string{
		"", "unknown", strings.ToUpper(f.id), " " + f.id, f.id + " ", f.id + "\x00", f.id + "\n", f.id + "/", "/" + f.id, "./" + f.id,
		"../" + f.id, "../../../../dev/null", "/dev/null", "..\\" + f.id, "%2e%2e/" + f.id, "file:///dev/null", f.trap + "/keys",
		f.id + "," + other.id, "' OR 1=1 --", "${jndi:ldap://x}", "*", strings.Repeat("k", 257), strings.Repeat("k", 4000), other.id,
	} {
		f.header(fields{"kid": id})
	}
	for _, value := range append(ill(), []string{f.id}, fields{"kid": f.id}) {
		f.header(fields{"kid": value})
	}
	for _, pair := range [][2]string{
		{"kid", `"` + f.id + `","kid":"` + f.id + `"`}, {"kid", `"` + f.id + `","kid":"` + other.id + `"`},
		{"kid", `"` + other.id + `","kid":"` + f.id + `"`}, {"kid", `null,"kid":"` + f.id + `"`},
		{"kid", `"` + other.id + `","k\u0069d":"` + f.id + `"`},
		{"alg", `"none","alg":"ES256"`}, {"alg", `"ES256","alg":"none"`}, {"typ", `"JWT","typ":"at+jwt"`}, {"x", `{"y":1,"y":2}`},
	} {
		rest := string(f.goodHeader().with(fields{pair[0]: absent}).json())
		text := rest[:len(rest)-1] + `,"` + pair[0] + `":` + pair[1] + "}"
		f.add(f.sign([]byte(text), goodClaims(f.issuer, f.now).json()), "header with %q: %s", pair[0], pair[1])
	}
}

// keysOfTheirOwn: headers that bring a key or say where to find one, or ask for more
// than a signature. They are signed by the key they bring.
func (f *forger) keysOfTheirOwn(other signer) {
	theirs := signer{f.id, jose.ES256, otherP256()}
	certificate := []string{"MIIB"}
	for name, values := range map[string][]any{
		"jku":  {f.trap + "/keys", f.issuer + "/keys", "", nil, "file:///dev/null", f.trap + "@" + f.issuer},
		"x5u":  {f.trap + "/cert", f.issuer, "", nil},
		"jwk":  {theirs.public(), f.public(), other.public(), nil, "", fields{}, fields{"kty": "oct", "k": "AAAA"}},
		"x5c":  {certificate, []string{}, nil, "MIIB"},
		"crit": {[]string{}, []string{"exp"}, []string{"b64"}, []string{"alg"}, []string{"crit"}, nil, "exp", true},
		"b64":  {true, false, nil, "false"},
		"enc":  {"A128GCM", nil},
		"zip":  {"DEF", nil},
		"epk":  {fields{}, nil},
	} {
		for _, value := range values {
			f.header(fields{name: value})
			header := f.goodHeader().with(fields{name: value}).json()
			f.add(theirs.sign(header, goodClaims(f.issuer, f.now).json()), "%s %s by a key of their own", name, show(fields{"": value}))
			f.header(fields{name: value, "kid": "unknown"})
		}
	}
}

// types: of tokens that are for something else.
func (f *forger) types() {
	for _, kind := range []string{
		"", "ID", "id+jwt", "at", "at+jwt ", "jwt+at", "logout+jwt", "secevent+jwt", "dpop+jwt", "entity-statement+jwt",
		"JOSE", "JWE", "application/", "application/application/jwt", "text/at+jwt", "at+JWT;x=y", "ａt+jwt",
	} {
		f.header(fields{"typ": kind})
	}
	for _, value := range ill() {
		f.header(fields{"typ": value})
	}
	f.claims(fields{"cnf": fields{"jkt": "x"}})
	f.claims(fields{"cnf": nil})
	f.claims(fields{"events": fields{"http://schemas.openid.net/event/backchannel-logout": fields{}}})
}

// identities: issuer, audience, subject, and what is granted.
func (f *forger) identities() {
	for _, issuer := range []any{
		absent, "", "https://id.example.com", f.issuer + "/", f.issuer + "#", f.issuer + "?", f.issuer + " ", " " + f.issuer, f.issuer + "\x00",
		f.issuer + ".evil.example", strings.ToUpper(f.issuer), strings.TrimPrefix(f.issuer, "http://"), "https" + strings.TrimPrefix(f.issuer, "http"),
		[]string{f.issuer}, fields{"iss": f.issuer},
	} {
		f.claims(fields{"iss": issuer})
	}
	for _, claimed := range []any{
		absent, "", "x", audience + "/", "/" + audience, audience + " ", strings.ToUpper(audience), audience[:len(audience)-1], audience + "," + audience,
		[]string{""}, []string{"x"}, []string{audience + "/"}, []any{audience, 7}, []any{7, audience}, []any{audience, nil}, []any{[]string{audience}}, []any{fields{"aud": audience}},
		fields{"aud": audience}, fields{audience: audience}, f.issuer,
	} {
		f.claims(fields{"aud": claimed})
	}
	for _, subject := range []any{absent, "", strings.Repeat("s", 256), "\ufffd", "a\ufffdb", []string{"jane"}} {
		f.claims(fields{"sub": subject})
	}
	for _, value := range ill() {
		f.claims(fields{"iss": value})
		f.claims(fields{"aud": value})
		f.claims(fields{"sub": value})
		f.claims(fields{"jti": value})
		f.claims(fields{"iss": value, "aud": value, "sub": value, "exp": value})
	}
	for _, value := range []any{nil, true, 7, fields{"admin": true}, []any{"admin", 7}} {
		if value == nil {
			continue // none
		}
		f.claims(fields{"roles": value})
		f.claims(fields{"scope": value})
		f.claims(fields{"scope": absent, "scp": value})
	}
}

// mayBeNew reports whether a forgery is by a key that the issuer may have added since
// its keys were fetched. It is refused as unavailable while the next fetch is held back.
func (f forgery) mayBeNew() bool { return strings.HasPrefix(f.name, "header map[kid:") }

// times: missing, of another type, out of range, past or to come.
func (f *forger) times() {
	now := f.now.Unix()
	f.claims(fields{"exp": absent})
	for _, value := range []any{now, now - 1, now - 30, 1, 0, json.Number("1e-400"), now * 1000, json.Number("253402300800"), json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("18446744073709551616"), json.Number("1e300"), json.Number("1E400")} {
		f.claims(fields{"exp": value})
	}
	ahead := f.now.Add(time.Minute).Unix() + 1
	for _, name := range []string{"nbf", "iat", "auth_time"} {
		for _, value := range []any{ahead, ahead + 3600, float64(ahead) - 0.5, now * 1000, int64(253402300799), json.Number("1e300"), json.Number("253402300800")} {
			f.claims(fields{name: value})
		}
	}
	for _, name := range []string{"exp", "nbf", "iat", "auth_time"} {
		for _, value := range []any{nil, true, "", "soon", strconv.FormatInt(now+60, 10), strconv.FormatInt(now-60, 10), []any{now + 60}, fields{"t": now + 60}, -1, -now, json.Number("-1e300")} {
			f.claims(fields{name: value})
		}
	}
	f.claims(fields{"exp": now - 1, "nbf": now - 100, "iat": now - 100})
	f.claims(fields{"exp": now + 600, "nbf": now + 300})
}

// twice: every claim two times, the good one first and last, also in other spelling.
func (f *forger) twice() {
	good := goodClaims(f.issuer, f.now)
	text := string(good.json())
	for name, value := range good {
		own := string(must(json.Marshal(value)))
		for _, second := range []string{own, `"x"`, "null", "1", "[]"} {
			quoted := `"` + name + `":`
			escaped := fmt.Sprintf(`"\u%04x%s":`, name[0], name[1:])
			for _, text := range []string{
				text[:len(text)-1] + "," + quoted + second + "}", "{" + quoted + second + "," + text[1:],
				text[:len(text)-1] + "," + escaped + second + "}", "{" + escaped + second + "," + text[1:],
			} {
				f.add(f.sign(f.goodHeader().json(), []byte(text)), "claim %s twice: %s", name, second)
			}
		}
	}
	f.add(f.sign(f.goodHeader().json(), []byte(text[:len(text)-1]+`,"act":{"sub":"a","sub":"b"}}`)), "a claim twice within a claim")
}

// shapes: what is no JSON object, as header or as payload.
func (f *forger) shapes() {
	header, payload := f.goodHeader().json(), goodClaims(f.issuer, f.now).json()
	for _, text := range []string{
		"null", "true", "7", `"text"`, "[]", "{}", "{", "}", "{}{}", "[{}]", "\x00", " ", "\ufeff{}", "{'a':1}", "{a:1}", `{"a":1,}`, "NaN",
		strings.Repeat("[", 4000), strings.Repeat(`{"a":`, 900), `{"a":` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + "}", "jwt",
	} {
		f.add(f.sign([]byte(text), payload), "header %.20q", text)
		f.add(f.sign(header, []byte(text)), "payload %.20q", text)
	}
	for name, good := range map[string][]byte{"header": header, "payload": payload} {
		for _, text := range []string{
			string(good) + "x", string(good) + string(good), "[" + string(good) + "]", "\ufeff" + string(good), string(good) + "\x00",
			string(good[:len(good)-1]), string(good[1:]), strings.Replace(string(good), `"`, "'", 2),
		} {
			if name == "header" {
				f.add(f.sign([]byte(text), payload), "header %.30q", text)
			} else {
				f.add(f.sign(header, []byte(text)), "payload %.30q", text)
			}
		}
	}
	for _, subject := range []string{"\xff", "jan\xe9", "\xed\xa0\x80", `\ud800`, `\udc00\ud800`} {
		text := strings.Replace(string(payload), `"jane"`, `"`+subject+`"`, 1)
		f.add(f.sign(header, []byte(text)), "subject %q", subject)
	}
	f.add(f.sign(header, bytes.Replace(payload, []byte(`"admin"`), []byte("\"admin\xff\""), 1)), "a role that is not UTF-8")
	f.add(f.sign(header, append(payload[:len(payload)-1:len(payload)-1], ",\"x\":\"\xff\"}"...)), "a claim that is not UTF-8")
	f.add(f.sign(header, []byte(f.good())), "a token within a token")
	f.add(f.sign(f.goodHeader().with(fields{"cty": "JWT"}).json(), []byte(f.good())), "a token within a token, said so")
}

// signatures: by others, of others, cut, changed, none, and those that are right for
// every text if r and s are not checked.
func (f *forger) signatures(other signer) {
	good := f.good()
	input := good[:strings.LastIndex(good, ".")]
	signature := f.signature(input)
	order := elliptic.P256().Params().N
	scalar := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	zero, one := scalar(big.NewInt(0)), scalar(big.NewInt(1))
	der := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])}))
	for name, forged := range map[string][]byte{
		"nothing": {}, "a zero byte": {0}, "zeros": slices.Concat(zero, zero), "ones": slices.Concat(one, one),
		"the order": slices.Concat(scalar(order), scalar(order)), "r of zero": slices.Concat(zero, signature[32:]), "s of zero": slices.Concat(signature[:32], zero),
		"r and s swapped": slices.Concat(signature[32:], signature[:32]), "all bits": bytes.Repeat([]byte{0xff}, 64), "DER": der,
		"twice itself": slices.Concat(signature, signature), "a byte more": append(slices.Clone(signature), 0), "a byte more, ahead": append([]byte{0}, signature...),
		"both padded": slices.Concat([]byte{0}, signature[:32], []byte{0}, signature[32:]), "a byte less": signature[:63], "half": signature[:32],
		"another text's":     f.signature(input + "x"),
		"the payload's":      f.signature(string(goodClaims(f.issuer, f.now).json())),
		"another P-256 key":  signer{f.id, jose.ES256, otherP256()}.signature(input),
		"a P-384 key":        signer{f.id, jose.ES384, onceP384()}.signature(input),
		"an RSA key":         other.signature(input),
		"an Ed25519 key":     signer{f.id, jose.EdDSA, onceEd()}.signature(input),
		"a hash of the text": sha256Sum(input),
	} {
		f.add(input+"."+encode(forged), "signature: %s", name)
	}
	for i := range signature {
		forged := slices.Clone(signature)
		forged[i] ^= 1 << (i % 8)
		f.add(input+"."+encode(forged), "signature with a bit of byte %d changed", i)
	}
	_, payload, _ := strings.Cut(input, ".")
	expired := goodClaims(f.issuer, f.now).with(fields{"exp": f.now.Unix() - 1}).json()
	f.add(encode(f.goodHeader().json())+"."+encode(expired)+"."+encode(signature), "expired, and a signature of another")
	raised := goodClaims(f.issuer, f.now).with(fields{"sub": "root"}).json()
	f.add(encode(f.goodHeader().json())+"."+encode(raised)+"."+encode(signature), "another subject under the signature")
	f.add(encode(f.goodHeader().with(fields{"typ": "JWT"}).json())+"."+payload+"."+encode(signature), "another header under the signature")
}

func sha256Sum(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// spellings: of a token that is good, in every way but its own.
func (f *forger) spellings() {
	good := f.good()
	parts := strings.Split(good, ".")
	resign := func(header, payload string) string {
		return header + "." + payload + "." + encode(f.signature(header+"."+payload))
	}
	for _, change := range []func(string) string{
		func(part string) string { return part + "=" },
		func(part string) string { return part + "==" },
		func(part string) string { return part + "A" },
		func(part string) string { return part[:4] + "\n" + part[4:] },
		func(part string) string { return part[:4] + "\r\n" + part[4:] },
		func(part string) string { return part + "\n" },
		func(part string) string { return part[:4] + " " + part[4:] },
		func(part string) string { return " " + part },
		func(part string) string { return part[:4] + "%" + part[4:] },
		func(part string) string { return part[:4] + "\x00" + part[4:] },
		func(part string) string { return part[:4] + "\xff" + part[4:] },
		func(part string) string { return part[:4] + "é" + part[4:] },
		func(part string) string { return part[:4] + "," + part[4:] },
		strings.NewReplacer("-", "+", "_", "/").Replace,
		func(string) string { return "" },
	} {
		for i, part := range parts {
			if change(part) == part {
				continue
			}
			changed := slices.Clone(parts)
			changed[i] = change(part)
			f.add(strings.Join(changed, "."), "part %d as %.20q", i, changed[i])
			f.add(resign(changed[0], changed[1]), "part %d as %.20q, signed", i, changed[i])
			if i == 2 {
				f.made = f.made[:len(f.made)-1] // what changed was the signature
			}
		}
	}
	for i, part := range parts {
		for _, other := range sameBits(part) {
			changed := slices.Clone(parts)
			changed[i] = other
			f.add(strings.Join(changed, "."), "part %d ending in %q", i, other[len(other)-1:])
			if i < 2 {
				f.add(resign(changed[0], changed[1]), "part %d ending in %q, signed", i, other[len(other)-1:])
			}
		}
	}
	for _, token := range []string{
		".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", good + ".", "." + good, good + "." + parts[2], good + "..", strings.Join(parts[:2], "."),
		strings.Join(parts, ".."), strings.Join(parts, "%2E"), strings.Join(parts, "。"), strings.ToUpper(good), strings.ToLower(good), good + good,
		good + "," + good, good + ", Bearer " + good, `"` + good + `"`, good + " ", "Bearer " + good, parts[0], strings.Join(parts, ""), strings.Repeat(".", 4000),
		`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		`{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
	} {
		f.add(token, "%.30q", token)
	}
}

// sameBits are the other texts that a decoder takes for the same bytes if it does not
// look at the bits that are left over.
func sameBits(part string) []string {
	var others []string
	loose := base64.RawURLEncoding
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := part[:len(part)-1] + string(last)
		if other != part && bytes.Equal(must(loose.DecodeString(other)), must(loose.DecodeString(part))) {
			others = append(others, other)
		}
	}
	return others
}

// encrypted: tokens in a sealed envelope, a bomb among them.
func (f *forger) encrypted() {
	for _, compression := range []jose.CompressionAlgorithm{jose.NONE, jose.DEFLATE} {
		for name, payload := range map[string][]byte{
			"claims": goodClaims(f.issuer, f.now).json(), "a token": []byte(f.good()), "a bomb": make([]byte, 1<<20),
		} {
			if name == "a bomb" && compression == jose.NONE {
				continue
			}
			options := &jose.EncrypterOptions{Compression: compression, ExtraHeaders: map[jose.HeaderKey]any{"kid": f.id, "typ": "JWT"}}
			encrypter := must(jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: f.private.Public()}, options))
			f.add(must(must(encrypter.Encrypt(payload)).CompactSerialize()), "%s, encrypted, compressed by %q", name, compression)
		}
	}
}
