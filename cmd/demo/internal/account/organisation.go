package account

import (
	"context"
	"errors"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// Organisations implements demo.v1.OrganisationService. Make one with [NewOrganisations].
// It is safe for concurrent use.
type Organisations struct {
	users    *directory.Directory
	sessions *session.Manager
}

var _ demov1action.OrganisationServiceHandler = (*Organisations)(nil)

// NewOrganisations returns the service of the organisations in a directory. Both arguments
// are required.
func NewOrganisations(users *directory.Directory, sessions *session.Manager) *Organisations {
	return &Organisations{users, sessions}
}

// ListMembers returns the members of an organisation.
func (o *Organisations) ListMembers(ctx context.Context, call *action.Call[demov1.ListMembersRequest]) (*demov1.ListMembersResponse, error) {
	members, err := o.members(ctx, call.Message().GetOrgId())
	if err != nil {
		return nil, err
	}
	return &demov1.ListMembersResponse{Members: members}, nil
}

// SetMemberRole sets what a user is in an organisation. It holds from the user's next call
// on, and the user's live streams are checked again at once.
func (o *Organisations) SetMemberRole(ctx context.Context, call *action.Call[demov1.SetMemberRoleRequest]) (*demov1.SetMemberRoleResponse, error) {
	request := call.Message()
	if err := o.users.SetMember(ctx, request.GetOrgId(), request.GetUserId(), request.GetRole()); err != nil {
		return nil, fault(err)
	}
	o.sessions.Changed(request.GetUserId())
	return &demov1.SetMemberRoleResponse{}, nil
}

// WatchMembers sends the members of an organisation, and again after each change of the
// directory.
func (o *Organisations) WatchMembers(ctx context.Context, call *action.Call[demov1.WatchMembersRequest], out *action.ServerStream[demov1.WatchMembersResponse]) error {
	watch := o.users.Watch()
	defer watch.Close()
	watching, stop := untilDraining(ctx)
	defer stop()
	for {
		members, err := o.members(ctx, call.Message().GetOrgId())
		if err != nil {
			return err
		}
		if err := out.Send(&demov1.WatchMembersResponse{Members: members}); err != nil {
			return err
		}
		_, err = watch.Next(watching)
		if errors.Is(context.Cause(watching), errDraining) {
			return errDraining
		}
		if err != nil {
			return fault(err)
		}
	}
}

func (o *Organisations) members(ctx context.Context, orgID string) ([]*demov1.Member, error) {
	members, err := o.users.Members(ctx, orgID)
	if err != nil {
		return nil, fault(err)
	}
	all := make([]*demov1.Member, len(members))
	for i, member := range members {
		all[i] = &demov1.Member{User: described(member.User), Role: member.Role}
	}
	return all, nil
}
