package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
)

// What a token says is either what the message holds, or the token is invalid.
func TestClaims(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	orgs, field, free := &claimsv1.Claims{}, &typepb.Field{}, &structpb.Struct{}
	for name, test := range map[string]struct {
		claims string // further members
		want   proto.Message
		bad    proto.Message // of this type, and invalid
		names  string        // the field that the error names
	}{
		"none":                        {claims: ``, want: orgs},
		"a list":                      {claims: `,"org_ids":["acme","initech"]`, want: &claimsv1.Claims{OrgIds: []string{"acme", "initech"}}},
		"as JSON spells it":           {claims: `,"orgIds":["acme"]`, want: &claimsv1.Claims{OrgIds: []string{"acme"}}},
		"two fields":                  {claims: `,"org_ids":["acme"],"memberships":{"acme":{}}`, want: &claimsv1.Claims{OrgIds: []string{"acme"}, Memberships: map[string]*claimsv1.Membership{"acme": {}}}},
		"null":                        {claims: `,"org_ids":null`, want: orgs},
		"nested":                      {claims: `,"memberships":{"acme":{"writes":true},"initech":{}}`, want: &claimsv1.Claims{Memberships: map[string]*claimsv1.Membership{"acme": {Writes: true}, "initech": {}}}},
		"of which there is no field":  {claims: `,"email":"x","Org_ids":["x"],"ORG_IDS":[1]`, want: orgs},
		"a number":                    {claims: `,"number":2147483647`, want: &typepb.Field{Number: 2147483647}},
		"two spellings":               {claims: `,"org_ids":["acme"],"orgIds":["hooli"]`, bad: orgs},
		"two spellings, one null":     {claims: `,"org_ids":null,"orgIds":["hooli"]`, bad: orgs},
		"a text for a list":           {claims: `,"org_ids":"acme"`, bad: orgs},
		"an object for a list":        {claims: `,"org_ids":{"0":"acme"}`, bad: orgs},
		"a number in a list of texts": {claims: `,"org_ids":["acme",7]`, bad: orgs},
		"null in a list":              {claims: `,"org_ids":[null]`, bad: orgs},
		"a list in a list":            {claims: `,"org_ids":[["acme"]]`, bad: orgs},
		"a list for a map":            {claims: `,"memberships":["acme"]`, bad: orgs},
		"a text for a bool":           {claims: `,"memberships":{"acme":{"writes":"true"}}`, bad: orgs},
		"a number for a bool":         {claims: `,"memberships":{"acme":{"writes":1}}`, bad: orgs},
		"an unknown member":           {claims: `,"memberships":{"acme":{"write":true}}`, bad: orgs},
		"deep":                        {claims: `,"memberships":` + deep, bad: orgs},
		"deep, where depth fits":      {claims: `,"fields":` + deep, bad: free},
		"an enum by an unknown name":  {claims: `,"kind":"TYPE_OTHER"`, bad: field},
		"a number that is too large":  {claims: `,"number":2147483648`, bad: field},
		"a number that is not whole":  {claims: `,"number":1.5`, bad: field, names: "token claim number does not fit google.protobuf.Field.number"},
		"two members of a oneof":      {claims: `,"never":"x","equal":"y"`, bad: &sallyportv1.Assertion{}},
		"one member of a oneof":       {claims: `,"never":"x"`, want: &sallyportv1.Assertion{Says: &sallyportv1.Assertion_Never{Never: "x"}}},
		"an Any":                      {claims: `,"options":[{"name":"x","value":{"@type":"type.googleapis.com/google.protobuf.Field"}}]`, bad: field},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := test.want
			if test.bad != nil {
				kind = test.bad
			}
			authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClaims(kind)))
			payload := strings.TrimSuffix(string(goodClaims("id", time.Now()).json()), "}") + test.claims + "}"
			token := key.sign(key.goodHeader().json(), []byte(payload))
			principal, err := authenticator.Verify(t.Context(), token)
			if test.bad != nil {
				if outcome(principal, err) != "invalid" || !quiet(err, token) || strings.Contains(err.Error(), "acme") || test.names != "" && !strings.Contains(err.Error(), test.names) {
					t.Errorf("got %v, %v", principal, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, principal.Claims(), protocmp.Transform()); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

// A name given twice, at any depth, is refused before claims are looked at.
func TestClaimsGivenTwice(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClaims(&claimsv1.Claims{})))
	good := strings.TrimSuffix(string(goodClaims("id", time.Now()).json()), "}")
	for members, want := range map[string]string{
		`,"org_ids":["a"]}`:                             "id#jane",
		`,"org_ids":["a"],"org_ids":["b"]}`:             "invalid",
		`,"memberships":{"a":{},"a":{"writes":true}}}`:  "invalid",
		`,"memberships":{"a":{"writes":false},"b":{}}}`: "id#jane",
	} {
		if got := authenticate(t, authenticator, key.sign(key.goodHeader().json(), []byte(good+members))); got != want {
			t.Errorf("%s: %s, want %s", members, got, want)
		}
	}
}

// Many claims cost no more than the token is long: a thousand organisations are read, and
// are for the message's own rules to refuse. [TestTokenLength] has more of them.
func TestManyClaims(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	many := make([]string, 1000)
	for i := range many {
		many[i] = "o"
	}
	authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClaims(&claimsv1.Claims{})))
	principal, err := authenticator.Verify(t.Context(), key.sign(key.goodHeader().json(), goodClaims("id", time.Now()).with(fields{"org_ids": many}).json()))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds()); got != len(many) {
		t.Errorf("%d organisations", got)
	}
}

// The identity function's claims come before those of the option, and it may fill its own.
func TestClaimsOfTheIdentity(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	own := &claimsv1.Claims{OrgIds: []string{"own"}}
	for name, test := range map[string]struct {
		identify bearer.Identify
		want     []string
	}{
		"gives none": {bearer.QualifiedSubject, []string{"said"}},
		"gives its own": {func(context.Context, *bearer.Token) (string, authn.Details, error) {
			return "ada", authn.Details{Claims: own}, nil
		}, []string{"own"}},
		"adds to the token's": {func(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
			claims := &claimsv1.Claims{}
			err := token.Fill(claims)
			claims.OrgIds = append(claims.OrgIds, "more")
			return "ada", authn.Details{Claims: claims}, err
		}, []string{"said", "more"}},
	} {
		authenticator := must(bearer.New("id", audience, static(key.private.Public()), bearer.WithClaims(&claimsv1.Claims{}), bearer.WithIdentity(test.identify)))
		principal, err := authenticator.Verify(t.Context(), key.sign(key.goodHeader().json(), goodClaims("id", time.Now()).with(fields{"org_ids": []string{"said"}}).json()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := bearer.New("id", audience, static(key.private.Public()), bearer.WithClaims(nil)); err == nil {
		t.Error("nil claims were taken")
	}
}

// A whole number of 64 bits is exact in the message, and a float64 in the map is not.
func TestExactNumbers(t *testing.T) {
	t.Parallel()
	key := es256("k1")
	const exact = "9007199254740993"
	var token *bearer.Token
	authenticator := must(bearer.New("id", audience, static(key.private.Public()),
		bearer.WithIdentity(func(_ context.Context, given *bearer.Token) (string, authn.Details, error) {
			token = given
			return "ada", authn.Details{}, nil
		})))
	if got := authenticate(t, authenticator, key.sign(key.goodHeader().json(), goodClaims("id", time.Now()).with(fields{"negative_int_value": json.Number(exact)}).json())); got != "ada" {
		t.Fatal(got)
	}
	wide := &descriptorpb.UninterpretedOption{}
	if err := token.Fill(wide); err != nil || wide.GetNegativeIntValue() != 9007199254740993 {
		t.Errorf("%v, %v", wide, err)
	}
	if errors.Is(token.Fill(&typepb.Field{}), authn.ErrInvalidCredential) {
		t.Error("claims without a field were refused")
	}
}
