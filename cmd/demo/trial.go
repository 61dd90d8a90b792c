package main

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

// A trial is a few commands to try the demo with.
type trial struct {
	commands []command
	folder   string // holds what the commands write, or is ""
}

// newTrial returns commands that work with the accounts that there are. Close it.
func newTrial(base string, accounts accounts) (*trial, error) {
	admin, member := accounts.open["admin@example.com"], accounts.open["member@example.com"]
	if admin.ID == "" || member.ID == "" {
		return &trial{commands: asStranger(base)}, nil
	}
	// It is for this user alone, as is the cookie that will be in it.
	folder, err := os.MkdirTemp("", "sallyport-demo-")
	if err != nil {
		return nil, err
	}
	return &trial{commands: asAdmin(base, filepath.Join(folder, "cookies"), member), folder: folder}, nil
}

// close removes what the commands wrote.
func (t *trial) close() {
	if t.folder != "" {
		_ = os.RemoveAll(t.folder) // it is in the folder for what may go at any time
	}
}

// asAdmin are the commands where the example accounts are there. They work in this
// order, and keep the cookie in a file.
func asAdmin(base, cookies string, other directory.User) []command {
	query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {`{"pageSize":2}`}}
	return []command{
		post("1. Sign in as the admin and keep the session cookie.", base+demov1client.AccountServiceSignInProcedure,
			fmt.Sprintf(`{"email":"admin@example.com","password":%q}`, examplePassword), "-c", cookies),
		{"2. List two users with it, by GET as that changes nothing.", []string{
			"curl", "-sS", "-w", `\n`, "-b", cookies, base + demov1client.AccountServiceListUsersProcedure + "?" + query.Encode(),
		}},
		post("3. Not even an admin may change the profile of somebody else.", base+demov1client.AccountServiceUpdateProfileProcedure,
			fmt.Sprintf(`{"userId":%q,"name":"Somebody Else","email":"somebody@example.com"}`, other.ID), "-b", cookies),
	}
}

// asStranger are the commands where no account is known. They work by themselves.
func asStranger(base string) []command {
	return []command{
		post("1. Everybody may sign up.", base+demov1client.AccountServiceSignUpProcedure,
			fmt.Sprintf(`{"name":"Guest","email":"guest-%s@example.com","password":%q}`, strings.ToLower(rand.Text()[:8]), rand.Text())),
		post("2. A broken rule is refused before anybody asks who calls.", base+demov1client.AccountServiceGetUserProcedure, `{"userId":"me"}`),
		post("3. A call without a credential is refused.", base+demov1client.AccountServiceListUsersProcedure, `{}`),
	}
}
