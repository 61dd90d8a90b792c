package directory

import (
	"context"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// maxMembers is how many members of an organisation [Directory.Members] returns at most.
const maxMembers = 1000

// An OrgMember is a user in an organisation.
type OrgMember struct {
	User User
	// Role holds in this organisation alone.
	Role demov1.OrgRole
}

// SetMember gives a user a role in an organisation, in place of any other. It fails with
// [ErrNotFound] where there is no such user. Who watches the directory sees the user as
// updated.
func (d *Directory) SetMember(ctx context.Context, orgID, userID string, role demov1.OrgRole) error {
	_, err := d.changeOne(ctx, Updated, func(ctx context.Context) (User, error) {
		user, err := d.Get(ctx, userID)
		if err != nil {
			return User{}, err
		}
		_, err = d.db.ExecContext(ctx, `INSERT INTO memberships (org_id, user_id, role) VALUES (?, ?, ?)
			ON CONFLICT (user_id, org_id) DO UPDATE SET role = excluded.role`, orgID, userID, int32(role))
		return user, d.missing(err)
	})
	return d.because("set a member", err)
}

// Members returns the members of an organisation, by name, at most a thousand. An
// organisation without members is no different from one that does not exist.
func (d *Directory) Members(ctx context.Context, orgID string) ([]OrgMember, error) {
	members, err := d.members(ctx, orgID)
	return members, d.because("list members", err)
}

func (d *Directory) members(ctx context.Context, orgID string) ([]OrgMember, error) {
	rows, err := d.db.QueryContext(ctx, "SELECT "+columns+`, org_role FROM
		(SELECT user_id, role AS org_role FROM memberships WHERE org_id = ?) AS members
		JOIN users ON id = user_id ORDER BY name, id LIMIT ?`, orgID, maxMembers)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var members []OrgMember
	for rows.Next() {
		var member OrgMember
		if member.User, err = one(with{rows, &member.Role}); err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, rows.Err()
}

// with is a row that has one more column.
type with struct {
	row

	last any
}

// Scan reads the row, and its last column.
func (w with) Scan(into ...any) error { return w.row.Scan(append(into, w.last)...) }

// claims returns what principals carry of a user besides id and roles.
func (d *Directory) claims(ctx context.Context, userID string) (*demov1.Claims, error) {
	rows, err := d.db.QueryContext(ctx, "SELECT org_id, role FROM memberships WHERE user_id = ?", userID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	claims := &demov1.Claims{Memberships: map[string]*demov1.Membership{}}
	for rows.Next() {
		var orgID string
		membership := &demov1.Membership{}
		if err := rows.Scan(&orgID, &membership.Role); err != nil {
			return nil, err
		}
		claims.Memberships[orgID] = membership
	}
	return claims, rows.Err()
}
