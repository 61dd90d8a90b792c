package authn_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies holds what each package links beside the standard library and this
// module. Who is calling needs no CEL and no protovalidate, so a program that only
// authenticates does not compile them.
func TestDependencies(t *testing.T) {
	t.Parallel()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not there")
	}
	const module = "github.com/sallyport-rpc/sallyport"
	for pkg, libraries := range map[string][]string{
		"authn":                     nil,
		"authn/apikey":              nil,
		"authn/bearer":              {"github.com/go-jose/go-jose/v4"},
		"authn/cache":               nil,
		"authn/mtls":                {"github.com/spiffe/go-spiffe/v2/spiffeid"},
		"authn/revocation":          nil,
		"authn/revocation/pgbus":    {"github.com/jackc/pgx/v5", "github.com/jackc/pgpassfile", "github.com/jackc/pgservicefile", "github.com/jackc/puddle/v2", "golang.org/x/"},
		"authn/revocation/redisbus": {"github.com/redis/go-redis/v9", "github.com/cespare/xxhash/v2", "github.com/dgryski/go-rendezvous", "go.uber.org/atomic", "golang.org/x/sys/cpu"},
		"authn/session":             {"github.com/alexedwards/scs/v2"},
	} {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			list := exec.CommandContext(t.Context(), goCommand, "list", "-deps",
				"-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/"+pkg)
			out, err := list.Output()
			if err != nil {
				t.Fatal(err)
			}
			allowed := append([]string{module, "connectrpc.com/connect/v2", "google.golang.org/protobuf"}, libraries...)
			thirdParty := 0
			for dependency := range strings.FieldsSeq(string(out)) {
				if !strings.HasPrefix(dependency, module) {
					thirdParty++
				}
				if !hasAnyPrefix(dependency, allowed) {
					t.Errorf("%s links %s", pkg, dependency)
				}
				if own, ok := strings.CutPrefix(dependency, module+"/"); ok && !hasAnyPrefix(own, []string{"authn", "internal/option", "internal/origin", "internal/recovered"}) {
					t.Errorf("%s links %s, which is not about who is calling", pkg, dependency)
				}
			}
			t.Logf("%s links %d packages of others", pkg, thirdParty)
		})
	}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
