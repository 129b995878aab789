/** The user models that are compared: AUTH_USER_MODEL, its table, and how the daemon's configuration tells of it. */
export interface Model {
  readonly name: string;
  readonly table: string;
  /** Lines for [sites.X], after its database, and [sites.X.schema]; none for the stock model. */
  schema(site: string): string;
}

const stock: Model = { name: 'auth.User', table: 'auth_user', schema: () => '' };

/** `club/models.py` */
const member: Model = {
  name: 'club.Member',
  table: 'Group',
  schema: (site) => `
    [sites."${site}".schema.user]
    table = "Group"
    id = "Key"
    username = "e-mail"
    password = "pass.word"
    active = "order"
    staff = "STAFF"
    superuser = "select"
    email = "e-mail"
    first_name = "First Name"
    [sites."${site}".schema]
    user_groups = { table = "club.Membership", user = "from", group = "To" }
    user_permissions = { table = "Group_user_permissions", user = "member_id", permission = "permission_id" }
  `,
};

/** `gate/models.py` */
const visitor: Model = {
  name: 'gate.Visitor',
  table: 'gate_visitor',
  schema: (site) => `
    [sites."${site}".schema.user]
    table = "gate_visitor"
    id = "badge_ptr_id"
    username = "gate_badge.handle"
    password = "password"
    active = false
    parents = [{ table = "gate_badge", id = "number", link = "badge_ptr_id" }]
  `,
};

/** A subclass of AbstractUser. */
function ofAbstractUser(app: string, name: string, match: string): Model {
  const model = name.toLowerCase();
  const table = `${app}_${model}`;
  return {
    name: `${app}.${name}`,
    table,
    schema: (site) => `
      username_match = "${match}"
      [sites."${site}".schema.user]
      table = "${table}"
      id = "id"
      username = "username"
      password = "password"
      active = "is_active"
      staff = "is_staff"
      superuser = "is_superuser"
      email = "email"
      first_name = "first_name"
      last_name = "last_name"
      [sites."${site}".schema]
      user_groups = { table = "${table}_groups", user = "${model}_id", group = "group_id" }
      user_permissions = { table = "${table}_user_permissions", user = "${model}_id", permission = "permission_id" }
    `,
  };
}

/** `inn/models.py`, `lodge/models.py` */
const guest = ofAbstractUser('inn', 'Guest', 'iexact');
const lodger = ofAbstractUser('lodge', 'Lodger', 'lower');

export const models: readonly Model[] = [stock, member, visitor, guest, lodger];
