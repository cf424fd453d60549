#!/usr/bin/python3
"""Write the cases of this folder: requests as this project makes them, signed by botocore.

Each case is a folder in the format of AWS's own signing test suite (README.md). Run it after a change of CASES.
"""
import json
import os
import re

import botocore
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = ('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')
TOKEN = 'IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCWV1LXdlc3QtMSJHMEUCIQ=='
JSON = {'Content-Type': 'application/x-amz-json-1.1'}
R53 = '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch/>' \
      '</ChangeResourceRecordSetsRequest>'

# name: service, region, method, host, target, headers, body, token
CASES = {
    'bare': ('ssm', 'eu-west-1', 'GET', 'ssm.eu-west-1.amazonaws.com', '/', {}, '', None),
    'host-with-port': ('ssm', 'eu-west-1', 'GET', 'localhost:8443', '/', {}, '', None),
    'json-ssm': ('ssm', 'eu-west-1', 'POST', 'ssm.eu-west-1.amazonaws.com', '/',
                 {**JSON, 'X-Amz-Target': 'AmazonSSM.GetParameters'},
                 '{"Names": ["/hub/psk/branch1"], "WithDecryption": true}', TOKEN),
    'json-secretsmanager': ('secretsmanager', 'ap-northeast-1', 'POST', 'secretsmanager.ap-northeast-1.amazonaws.com', '/',
                            {**JSON, 'X-Amz-Target': 'secretsmanager.GetSecretValue'}, '{"SecretId": "hub/b\u00fcro"}', TOKEN),
    'form-ec2': ('ec2', 'eu-west-1', 'POST', 'ec2.eu-west-1.amazonaws.com', '/',
                 {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'},
                 'Action=DescribeImages&Version=2016-11-15&Owner.1=self', None),
    'header-case-and-order': ('ssm', 'eu-west-1', 'GET', 'ssm.eu-west-1.amazonaws.com', '/',
                              {'Zulu': '1', 'ALPHA': '2', 'alpha-b': '3', 'Alpha-A': '4'}, '', None),
    'header-spaces': ('ssm', 'eu-west-1', 'GET', 'ssm.eu-west-1.amazonaws.com', '/',
                      {'Note': '   a    b  c   ', 'Quoted': '"a   b"'}, '', None),
    'path-dots': ('execute-api', 'eu-west-1', 'GET', 'example.com', '/a/./b/../c', {}, '', None),
    'path-slashes': ('execute-api', 'eu-west-1', 'GET', 'example.com', '//a///b//', {}, '', None),
    'path-encoded-again': ('ebs', 'eu-west-1', 'GET', 'example.com', '/snapshots/a%20b/%C3%BC', {}, '', None),
    'path-unreserved': ('ebs', 'eu-west-1', 'GET', 'example.com', '/-._~0123456789/azAZ', {}, '', None),
    'query-order': ('ebs', 'eu-west-1', 'GET', 'example.com', '/?b=2&a=2&a=1&B=3&a-b=0&a=', {}, '', None),
    'query-prefix-names': ('ebs', 'eu-west-1', 'GET', 'example.com', '/?a=z&a1=1&a-=2&a.=3&a~=4', {}, '', None),
    'query-empty-value': ('ebs', 'eu-west-1', 'GET', 'example.com', '/?versions=&x=1', {}, '', None),
    'query-encoded': ('ebs', 'eu-west-1', 'GET', 'example.com', '/?token=a%2Fb%2Bc%3D%3D&n=%C3%BC%20%25', {}, '', None),
    'route53-list': ('route53', 'us-east-1', 'GET', 'route53.amazonaws.com', '/2013-04-01/hostedzone/Z1EXAMPLE/rrset?name='
                     'vpn.example.com.&type=A&identifier=eu-west-1%2Fhub%2Fi-0123456789abcdef0', {}, '', TOKEN),
    'route53-change': ('route53', 'us-east-1', 'POST', 'route53.amazonaws.com',
                       '/2013-04-01/hostedzone/Z1EXAMPLE/rrset/', {'Content-Type': 'text/xml'}, R53, TOKEN),
    's3-get': ('s3', 'eu-west-1', 'GET', 'example.s3.eu-west-1.amazonaws.com', '/sites.json', {}, '', TOKEN),
    's3-if-none-match': ('s3', 'eu-west-1', 'GET', 'example.s3.eu-west-1.amazonaws.com', '/sites.json?versionId=3HL4kq.A_b-c',
                         {'If-None-Match': '"d41d8cd98f00b204e9800998ecf8427e"'}, '', TOKEN),
    's3-key-encoded-once': ('s3', 'eu-west-1', 'GET', 'example.s3.eu-west-1.amazonaws.com',
                            '/hub%20a/b%2Bc/%C3%BC%3F%23.json', {}, '', None),
    's3-key-not-normalized': ('s3', 'eu-west-1', 'GET', 's3.eu-west-1.amazonaws.com', '/ex.ample//a/../b/./c', {}, '', None),
}


def write(folder, cases):
    """A folder a case below `folder`, as botocore signs it."""
    for name, (service, region, method, host, target, headers, body, token) in cases.items():
        stamp, data = '2015-08-30T12:36:00Z', body.encode()
        request = AWSRequest(method, 'https://' + host + target, headers={'Host': host, **headers}, data=data)
        request.context['timestamp'] = re.sub('[-:]', '', stamp)
        signer = (S3SigV4Auth if service == 's3' else SigV4Auth)(Credentials(*KEY, token), service, region)
        signer._modify_request_before_signing(request)
        canonical = signer.canonical_request(request)
        text = signer.string_to_sign(request, canonical)
        context = {
            'credentials': {'access_key_id': KEY[0], 'secret_access_key': KEY[1], **({'token': token} if token else {})},
            'normalize': service != 's3', 'region': region, 'service': service, 'sign_body': service == 's3',
            'timestamp': stamp}
        files = {
            'context.json': json.dumps(context, indent=4) + '\n',
            'request.txt': '%s %s HTTP/1.1\n%s\n%s' % (method, target, ''.join(
                '%s:%s\n' % h for h in {'Host': host, **headers}.items()), body),
            'header-canonical-request.txt': canonical, 'header-string-to-sign.txt': text,
            'header-signature.txt': signer.signature(text, request)}
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for file, content in files.items():
            with open(os.path.join(folder, name, file), 'w', encoding='utf-8', newline='') as f:
                f.write(content)


def main():
    write(HERE, CASES)
    print('%d cases by botocore %s' % (len(CASES), botocore.__version__))


if __name__ == '__main__':
    main()
