package adminapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountGroups() {
	register(s, http.MethodGet, "/groups", "group.list", s.listGroups)
	creating(s, http.StatusCreated, "/groups", "group.create", s.createGroup)
	register(s, http.MethodGet, "/groups/{name}", "group.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Group], error) {
		group, err := s.Admin.FindGroup(ctx, caller, in.Name)
		return shown(group, group.Version, err)
	})
	register(s, http.MethodPatch, "/groups/{name}", "group.update", s.updateGroup)
	register(s, http.MethodDelete, "/groups/{name}", "group.delete", s.deleteGroup)
	register(s, http.MethodGet, "/groups/{name}/members", "group.list_members", s.listMembers)
	register(s, http.MethodPut, "/groups/{name}/members/{user}", "group.add_member", s.addMember)
	register(s, http.MethodDelete, "/groups/{name}/members/{user}", "group.remove_member", s.removeMember)
}

type listGroupsInput struct {
	PageInput
	User string `query:"user" maxLength:"2000" doc:"Those that the user of this name is in"`
}

func (s *surface) listGroups(ctx context.Context, caller authn.Caller, in *listGroupsInput) (*pageOutput[admin.Group], error) {
	page, err := s.Admin.ListGroups(ctx, caller, domain.GroupFilter{User: in.User}, in.query())
	return &pageOutput[admin.Group]{page}, err
}

type createGroupInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1"`
		Description string `json:"description,omitempty" doc:"Empty: none"`
	}
}

func (s *surface) createGroup(ctx context.Context, caller authn.Caller, in *createGroupInput) (*objectOutput[admin.Group], error) {
	group, err := s.Admin.CreateGroup(ctx, caller, in.Body.Name, in.Body.Description)
	return created(group, group.Version, "/groups/"+url.PathEscape(group.Name), err)
}

type updateGroupInput struct {
	EditInput
	Body struct {
		Description *string `json:"description,omitempty" doc:"Empty: none from now on"`
	}
}

func (s *surface) updateGroup(ctx context.Context, caller authn.Caller, in *updateGroupInput) (*objectOutput[admin.Group], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	group, err := s.Admin.UpdateGroup(ctx, caller, in.Name, version, func(group *domain.Group) error {
		set(&group.Description, in.Body.Description)
		return nil
	})
	return shown(group, group.Version, err)
}

type listMembersInput struct {
	NamedInput
	PageInput
}

func (s *surface) listMembers(ctx context.Context, caller authn.Caller, in *listMembersInput) (*pageOutput[admin.User], error) {
	page, err := s.Admin.ListMembers(ctx, caller, in.Name, in.query())
	return &pageOutput[admin.User]{page}, err
}

// MemberInput names a group and a user in the path.
type MemberInput struct {
	NamedInput
	User string `path:"user" maxLength:"2000"`
}

// Resolve implements huma.Resolver.
func (in *MemberInput) Resolve(huma.Context) []error {
	return append(checkName(in.Name), checkName(in.User)...)
}

func (s *surface) addMember(ctx context.Context, caller authn.Caller, in *MemberInput) (*done, error) {
	return nil, s.Admin.AddMember(ctx, caller, in.Name, in.User)
}
