/** An application of a Django site that stands between a right password and a login there, and not here. */
export interface Guard {
  /** What its documentation calls it. */
  readonly name: string;
  /** Its Python packages, of which one in INSTALLED_APPS tells that a site uses it. */
  readonly packages: readonly string[];
  /** Tables that tell the same; none that several guards share. */
  readonly tables: readonly string[];
  /** What HTTP Basic with the password alone means for the site. */
  readonly bypassed: string;
}

const FACTOR = 'HTTP Basic has no second factor, so the password alone lets a user in';
const LOCKOUT = 'its lockouts do not count, only the limits of [throttle] do';

/** The guards that are known. One of a site's own is not found. */
export const GUARDS: readonly Guard[] = [
  {
    name: 'django-otp',
    packages: ['django_otp'],
    tables: ['otp_totp_totpdevice', 'otp_hotp_hotpdevice', 'otp_static_staticdevice', 'otp_email_emaildevice'],
    bypassed: FACTOR,
  },
  {
    name: 'django-two-factor-auth',
    packages: ['two_factor', 'two_factor.plugins.phonenumber', 'two_factor.plugins.webauthn'],
    tables: ['two_factor_phonedevice', 'two_factor_webauthn_webauthndevice'],
    bypassed: FACTOR,
  },
  { name: 'allauth.mfa', packages: ['allauth.mfa'], tables: ['mfa_authenticator'], bypassed: FACTOR },
  // Two projects of one name.
  { name: 'django-mfa2 or django-mfa3', packages: ['mfa'], tables: ['mfa_user_keys', 'mfa_mfakey'], bypassed: FACTOR },
  {
    name: 'django-multifactor',
    packages: ['multifactor'],
    tables: ['multifactor_multifactorkey'],
    bypassed: FACTOR,
  },
  { name: 'django-trench', packages: ['trench'], tables: ['trench_mfamethod'], bypassed: FACTOR },
  { name: 'django-passkeys', packages: ['passkeys'], tables: ['passkeys_userpasskey'], bypassed: FACTOR },
  { name: 'django-axes', packages: ['axes'], tables: ['axes_accessattempt'], bypassed: LOCKOUT },
  { name: 'django-defender', packages: ['defender'], tables: ['defender_accessattempt'], bypassed: LOCKOUT },
];
