package account_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// TestNothingSecretIsLogged goes through everything that leaves a line in a log, at
// the level that leaves most.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	const (
		signUp  = demov1client.AccountServiceSignUpProcedure
		signIn  = demov1client.AccountServiceSignInProcedure
		update  = demov1client.AccountServiceUpdateProfileProcedure
		list    = demov1client.AccountServiceListUsersProcedure
		create  = demov1client.AccountServiceCreateApiKeyProcedure
		unknown = "ses_UNKNOWNUNKNOWNUNKNOWNUNKNOWNUNKNOWNUNKNOWNU"
	)
	for _, call := range []struct{ procedure, token, message string }{
		{signUp, "", `{"name":"Fresh Name","email":"fresh@example.com","password":"fresh password"}`},
		{signUp, "", `{"name":"Fresh Name","email":"fresh@example.com","password":"fresh password"}`}, // taken
		{signUp, "", `{"name":"Fresh Name","email":"fresh@example.com","password":"tooshort"}`},
		{signUp, "", `{"name":"Fresh Name","email":"not-an-email","password":"fresh password"}`},
		{signUp, "", `{"name":"Fresh Name","email":"broken@example.com","password":"broken json}`},
		{signUp, "", `{"password":["wrong shape"]}`},
		{signUp, "", `{"password":"fresh password","fresh@example.com":1}`},
		{signIn, "", `{"email":"member@example.com","password":"` + pass + `"}`},
		{signIn, f.tokens["other"], `{"email":"member@example.com","password":"guessed password"}`},
		{signIn, "", `{"email":"stranger@example.com","password":"guessed password"}`},
		{update, f.tokens["member"], `{"userId":"` + f.ids["member"] + `","name":"Fresh Name","email":"changed@example.com"}`},
		{update, f.tokens["member"], `{"userId":"` + f.ids["other"] + `","name":"Fresh Name","email":"changed@example.com"}`},
		{list, unknown, `{}`},
		{list, "not-of-ours", `{}`},
		{list, f.tokens["member"], `{"pageToken":"secret page"}`},
		{list, f.tokens["admin"], `{"pageToken":"secret page"}`},
		{create, f.tokens["member"], `{"name":"secret purpose","lifetime":"3600s","scopes":["users.read"]}`},
		{create, f.tokens["member"], `{"name":"secret purpose","lifetime":"1s","scopes":["users.read"]}`},
		{create, f.ownKeys["member"].secret, `{"name":"secret purpose","lifetime":"3600s","scopes":["users.read"]}`},
		{list, f.ownKeys["admin"].secret, `{}`},
		{list, f.ownKeys["admin"].secret[:40], `{}`},
		{list, newToken(t, "secret subject", 0, "admin") + "x", `{}`},
		{"/demo.v1.AccountService/Nothing", f.tokens["admin"], `{}`},
	} {
		f.post(t, call.procedure, call.token, call.message)
	}
	f.send(t, http.MethodPost, signIn, map[string]string{"Content-Type": "text/plain", "Cookie": "session=" + f.tokens["admin"]},
		strings.NewReader(`{"email":"member@example.com","password":"`+pass+`"}`))
	f.send(t, http.MethodPost, list, map[string]string{"Content-Type": "application/json", "Cookie": "session=" + unknown + "; session=" + f.tokens["admin"]},
		strings.NewReader(`{}`))
	// What goes wrong within.
	f.passwords.err = errBroken
	f.post(t, signIn, "", `{"email":"member@example.com","password":"`+pass+`"}`)
	f.post(t, signUp, "", `{"name":"Fresh Name","email":"late@example.com","password":"fresh password"}`)
	if err := f.users.Close(); err != nil {
		t.Fatal(err)
	}
	f.passwords.err = nil
	f.post(t, signIn, "", `{"email":"member@example.com","password":"`+pass+`"}`)
	f.post(t, list, f.tokens["admin"], `{}`)

	log := f.log.String()
	for _, secret := range []string{
		"horse", "fresh password", "tooshort", "broken json", "wrong shape", "guessed", f.passwords.hash(pass),
		"ses_", "not-of-ours", f.tokens["admin"][4:], f.tokens["member"][4:],
		"@example.com", "not-an-email", "Fresh Name", "secret page",
		"secret purpose", "secret subject", "sp_", f.ownKeys["admin"].secret[20:], "eyJ",
	} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("%q is in the log: %s", secret, log[max(0, i-200):min(len(log), i+100)])
		}
	}
	// The scenario came to what it is about.
	for _, line := range []string{
		"procedure=" + signUp + " stage=decode outcome=deny",
		"procedure=" + signUp + " stage=validate outcome=deny",
		"procedure=" + list + " stage=authenticate outcome=deny",
		"procedure=" + update + " stage=authorize outcome=deny principal=" + f.ids["member"],
		"procedure=" + update + " stage=handle outcome=allow principal=" + f.ids["member"],
		`level=INFO msg="sign-in refused" user=` + f.ids["member"],
		`level=INFO msg="sign-in refused" user=""`,
		`level=INFO msg=refused call=`,
		`level=ERROR msg=ended call=`,
		"procedure=" + list + " stage=authenticate outcome=deny",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %s", line)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}
