"""What Django 3.2 lacks or does too dearly for thousands of questions."""
import base64
import hashlib

from django.contrib.auth.hashers import BasePasswordHasher, PBKDF2PasswordHasher
from django.utils.crypto import constant_time_compare


class CheapPbkdf2(PBKDF2PasswordHasher):
    """Django's own, but the work it does for nothing (for an unusable password) is small."""

    iterations = 1000


class Scrypt(BasePasswordHasher):
    """scrypt as Django has it since 4.0: scrypt$N$salt$r$p$base64, the salt between N and r."""

    algorithm = 'scrypt'
    work_factor = 2**14
    block_size = 8
    parallelism = 1
    maxmem = 0  # OpenSSL's own limit of 32 MiB

    def encode(self, password, salt, work_factor=None, block_size=None, parallelism=None):
        if not salt or '$' in salt:
            raise ValueError('salt must be provided and cannot contain $')
        n = work_factor or self.work_factor
        r = block_size or self.block_size
        p = parallelism or self.parallelism
        key = hashlib.scrypt(
            password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=self.maxmem, dklen=64
        )
        return f'{self.algorithm}${n}${salt}${r}${p}${base64.b64encode(key).decode("ascii")}'

    def decode(self, encoded):
        algorithm, n, salt, r, p, key = encoded.split('$', 6)
        return {
            'algorithm': algorithm,
            'work_factor': int(n),
            'salt': salt,
            'block_size': int(r),
            'parallelism': int(p),
            'hash': key,
        }

    def verify(self, password, encoded):
        parts = self.decode(encoded)
        again = self.encode(
            password, parts['salt'], parts['work_factor'], parts['block_size'], parts['parallelism']
        )
        return constant_time_compare(encoded, again)

    def harden_runtime(self, password, encoded):
        pass
