package demo

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// A trial is a few commands that try the demo.
type trial struct {
	commands []command
	folder   string // where the commands keep the cookie, or ""
}

// newTrial returns commands that work with the accounts that exist. The caller closes it.
func newTrial(base string, accounts accounts) (*trial, error) {
	admin, member := accounts.open["admin@example.com"], accounts.open["member@example.com"]
	if admin.ID == "" || member.ID == "" {
		return &trial{commands: asStranger(base)}, nil
	}
	// Only this user can read the folder, and so the cookie in it.
	folder, err := os.MkdirTemp("", "sallyport-demo-")
	if err != nil {
		return nil, err
	}
	return &trial{commands: asAdmin(base, filepath.Join(folder, "cookies"), member), folder: folder}, nil
}

// close removes what the commands have written.
func (t *trial) close() {
	if t.folder != "" {
		_ = os.RemoveAll(t.folder) // what stays is in the folder for temporary files
	}
}

// asAdmin returns commands for a demo with the example accounts. They work in this order,
// and keep the cookie in a file.
func asAdmin(base, cookies string, other directory.User) []command {
	query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {`{"pageSize":2}`}}
	return []command{
		post("1. Sign in as the admin and keep the session cookie.", base+demov1client.AccountServiceSignInProcedure,
			fmt.Sprintf(`{"email":"admin@example.com","password":%q}`, examplePassword), "-c", cookies),
		{"2. List two users with it: of the other one, no email. The call has no side effects, so it may be a GET.", []string{
			"curl", "-sS", "-w", `\n`, "-b", cookies, base + demov1client.AccountServiceListUsersProcedure + "?" + query.Encode(),
		}},
		post("3. Not even an admin may change the profile of another user.", base+demov1client.AccountServiceUpdateProfileProcedure,
			fmt.Sprintf(`{"userId":%q,"name":"Another Name","email":"another@example.com"}`, other.ID), "-b", cookies),
		post("4. List the documents that the admin may see: one is shared, and the total counts no others.", base+demov1client.DocumentServiceListDocumentsProcedure, `{}`, "-b", cookies),
	}
}

// asStranger returns commands that need no account. They work in any order.
func asStranger(base string) []command {
	return []command{
		post("1. Sign up, which anyone may do.", base+demov1client.AccountServiceSignUpProcedure,
			fmt.Sprintf(`{"name":"Guest","email":"guest-%s@example.com","password":%q}`, strings.ToLower(rand.Text()[:8]), rand.Text())),
		post("2. A message that breaks a rule is refused before the caller is authenticated.", base+demov1client.AccountServiceGetUserProcedure, `{"userId":"me"}`),
		post("3. A call without a credential is refused.", base+demov1client.AccountServiceListUsersProcedure, `{}`),
	}
}
