package bearer_test

import (
	"crypto"
	"runtime"
	"strconv"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
)

// benchCall returns an authenticator, and a call with a token of usual size.
func benchCall(b *testing.B, algorithm string) (*bearer.Authenticator, *connect.CallInfo) {
	b.Helper()
	signer, now := signers()[algorithm], time.Now()
	const issuer = "https://id.example.com/realms/main"
	authenticator := must(bearer.New(issuer, audience, bearer.StaticKeys(map[string]crypto.PublicKey{signer.id: signer.private.Public()})))
	claims := goodClaims(issuer, now).with(fields{
		"sub": "7f3b1c52-9a1e-4d8e-b1c4-0f6e2a7d9c35", "jti": "c0a8f4de-51f2-4f0b-9d31-6a1e2b7c8d90", "client_id": "web",
		"exp": now.Add(time.Hour).Unix(), "auth_time": now.Add(-time.Minute).Unix(),
	})
	return authenticator, calling("Bearer " + signer.sign(signer.goodHeader().json(), claims.json()))
}

// BenchmarkAuthenticate is what authenticating one call costs, verified and
// remembered.
func BenchmarkAuthenticate(b *testing.B) {
	for _, algorithm := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
		authenticator, call := benchCall(b, algorithm)
		size := "/" + strconv.Itoa(len(call.RequestHeader().Get("Authorization"))-len("Bearer ")) + "B"
		for name, authenticator := range map[string]authn.Authenticator{
			"verified": authenticator, "cached": newCache(b).Wrap(authenticator),
		} {
			b.Run(algorithm+size+"/"+name, func(b *testing.B) {
				ctx := b.Context()
				b.ReportAllocs()
				for b.Loop() {
					if _, err := authenticator.Authenticate(ctx, call); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkThousandGoroutines has a thousand callers of one cache, with one token
// and with a thousand. Run it with -cpu 1,2,4 to see it scale.
func BenchmarkThousandGoroutines(b *testing.B) {
	const goroutines = 1000
	authenticator, one := benchCall(b, "ES256")
	for name, calls := range map[string]int{"one token": 1, "a thousand tokens": goroutines} {
		wrapped := newCache(b).Wrap(authenticator)
		all := make([]*connect.CallInfo, calls)
		for i := range all {
			all[i] = one
			if calls > 1 {
				signer := signers()["ES256"]
				all[i] = calling("Bearer " + signer.sign(signer.goodHeader().json(), goodClaims("https://id.example.com/realms/main", time.Now()).with(fields{
					"sub": strconv.Itoa(i), "exp": time.Now().Add(time.Hour).Unix(),
				}).json()))
			}
			if _, err := wrapped.Authenticate(b.Context(), all[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			b.SetParallelism(goroutines / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := wrapped.Authenticate(ctx, all[i%calls]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
