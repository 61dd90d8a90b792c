package declare

import (
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// readShadow reads the grants of a shadow, which are held to the rules of all grants.
func (m *methodReading) readShadow(option *sallyportv1.Shadow, broken []problem) []Grant {
	if option == nil {
		return nil
	}
	if saysAnonymous(m.option) {
		m.refuseWithFixf(RuleShadowAnonymous, "remove "+messageText("shadow", option.ProtoReflect()),
			"an anonymous caller has no principal that the grants of `shadow` could be about")
		return nil
	}
	return m.readGrants("authorize.shadow.", option.GetAllow(), broken)
}

// fixedShadow is the user's `shadow`, as it would be accepted, or nil.
func (m *methodReading) fixedShadow() *sallyportv1.Shadow {
	fixed := &sallyportv1.Shadow{}
	for _, grant := range m.option.GetAuthorize().GetShadow().GetAllow() {
		if accepted := m.fixedGrant(grant); hasCondition(accepted) && !widens(grant, accepted) {
			fixed.Allow = append(fixed.Allow, accepted)
		}
	}
	if len(fixed.GetAllow()) == 0 {
		return nil
	}
	return fixed
}

func (m *methodReading) shadowText() string {
	fixed := m.fixedShadow()
	if fixed == nil {
		return "remove " + messageText("shadow", m.option.GetAuthorize().GetShadow().ProtoReflect())
	}
	return messageText("shadow", fixed.ProtoReflect())
}
