package declare

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/limit"
)

// Limits that sallyport/v1/action.proto states of limits.
const (
	maxLimits       = 8
	maxRequests     = 1_000_000
	minWindow       = time.Second
	maxWindow       = 24 * time.Hour
	burstOfRequests = 100
)

// limitsOf returns the limits of a declaration.
func limitsOf(option *sallyportv1.Action) []limit.Limit {
	limits := make([]limit.Limit, 0, len(option.GetLimit()))
	for _, written := range option.GetLimit() {
		limits = append(limits, limit.Limit{
			Per:      perOf(written.GetPer()),
			Requests: int(written.GetRequests()),
			Window:   written.GetWindow().AsDuration(),
			Burst:    int(written.GetBurst()),
		})
	}
	return limits
}

func perOf(per sallyportv1.Limit_Per) limit.Per {
	switch per {
	case sallyportv1.Limit_PRINCIPAL:
		return limit.Principal
	case sallyportv1.Limit_ADDRESS:
		return limit.Address
	case sallyportv1.Limit_ACTION:
		return limit.Action
	case sallyportv1.Limit_PER_UNSPECIFIED: // refused
	}
	return 0
}

// readLimits refuses a limit of each principal where there are none. What else can be
// wrong with a limit, the rules of the option's messages refuse.
func (m *methodReading) readLimits(option *sallyportv1.Action) {
	ofPrincipals := func(written *sallyportv1.Limit) bool { return written.GetPer() == sallyportv1.Limit_PRINCIPAL }
	if saysAnonymous(option) && slices.ContainsFunc(option.GetLimit(), ofPrincipals) {
		m.refuseWithFixf(RuleLimitPrincipalAnonymous, m.limitsText(),
			"a limit counts each principal, and an anonymous action has none")
	}
}

// limitsText is the user's limits, as they would be accepted.
func (m *methodReading) limitsText() string {
	limits := m.fixedLimits()
	texts := make([]string, 0, len(limits))
	for _, fixed := range limits {
		texts = append(texts, messageText("limit", fixed.ProtoReflect()))
	}
	return strings.Join(texts, "\n")
}

// fixedLimits are the user's limits, as they would be accepted. Of two that count the same
// in the same window, the stricter one stays.
func (m *methodReading) fixedLimits() []*sallyportv1.Limit {
	var fixed []*sallyportv1.Limit
	for _, written := range m.option.GetLimit() {
		next := m.fixedLimit(written)
		same := slices.IndexFunc(fixed, func(other *sallyportv1.Limit) bool {
			return other.GetPer() == next.GetPer() && proto.Equal(other.GetWindow(), next.GetWindow())
		})
		switch {
		case same >= 0:
			fixed[same].Requests = min(fixed[same].GetRequests(), next.GetRequests())
			fixed[same].Burst = min(fixed[same].GetBurst(), next.GetBurst(), burstOfRequests*fixed[same].GetRequests())
		case len(fixed) < maxLimits:
			fixed = append(fixed, next)
		}
	}
	return fixed
}

// fixedLimit is a limit of the user's, as it would be accepted.
func (m *methodReading) fixedLimit(written *sallyportv1.Limit) *sallyportv1.Limit {
	fixed := proto.CloneOf(written)
	per := fixed.GetPer()
	if per == sallyportv1.Limit_PER_UNSPECIFIED || per == sallyportv1.Limit_PRINCIPAL && saysAnonymous(m.option) {
		fixed.Per = sallyportv1.Limit_ADDRESS
	}
	fixed.Requests = min(max(fixed.GetRequests(), 1), maxRequests)
	if fixed.GetWindow() == nil {
		fixed.Window = durationpb.New(time.Minute)
	}
	fixed.Window = durationpb.New(min(max(fixed.GetWindow().AsDuration(), minWindow), maxWindow))
	if fixed.GetBurst() == 0 {
		fixed.Burst = fixed.GetRequests()
	}
	fixed.Burst = min(fixed.GetBurst(), maxRequests, burstOfRequests*fixed.GetRequests())
	return fixed
}
