const PBKDF2 = ['pbkdf2_sha256', 'pbkdf2_sha1'];
const LEGACY = ['unsalted_md5', 'crypt'];

/**
 * The algorithms that PASSWORD_HASHERS contains by default, for each Django release that changed it, from
 * `django/conf/global_settings.py`.
 */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  '1.4': [...PBKDF2, 'bcrypt', 'sha1', 'md5', ...LEGACY],
  '1.6': [...PBKDF2, 'bcrypt_sha256', 'bcrypt', 'sha1', 'md5', 'unsalted_sha1', ...LEGACY],
  '1.10': [...PBKDF2, 'argon2', 'bcrypt_sha256', 'bcrypt'],
  '2.1': [...PBKDF2, 'argon2', 'bcrypt_sha256'],
  '4.0': [...PBKDF2, 'argon2', 'bcrypt_sha256', 'scrypt'],
};

/** Django's feature releases, the oldest first. */
const RELEASES = [
  ...['1.4', '1.5', '1.6', '1.7', '1.8', '1.9', '1.10', '1.11', '2.0', '2.1', '2.2', '3.0', '3.1', '3.2'],
  ...['4.0', '4.1', '4.2', '5.0', '5.1', '5.2', '6.0', '6.1'],
];

/** The default PASSWORD_HASHERS of each Django release, under the name that the configuration uses: `django-5.2`. */
export const djangoReleases: ReadonlyMap<string, readonly string[]> = new Map(
  RELEASES.map((release, index) => {
    const changed = RELEASES.slice(0, index + 1).findLast((earlier) => earlier in CHANGES);
    return [`django-${release}`, CHANGES[changed as string] as readonly string[]];
  }),
);

/** The latest release that is known here. */
export const LATEST_RELEASE = `django-${RELEASES.at(-1)}`;
